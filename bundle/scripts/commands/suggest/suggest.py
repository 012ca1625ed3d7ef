"""The command `suggest`: which blocks of a volume to label next."""

from __future__ import annotations

import logging
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from inspect import signature
from itertools import chain, islice
from math import prod
from pathlib import Path
from typing import Any

from scripts.core import (
    CONFIGS,
    WEIGHTS,
    Progress,
    advance,
    alone,
    by,
    check_overrides,
    check_writable,
    counted,
    refuse,
    region_box,
    tell_result,
    temporary_folder,
)
from scripts.core.kinds import is_number
from scripts.inference import Looker, candidate_boxes, rank, tiles
from scripts.io import Volume, open_volume
from scripts.transforms import Scaling

from .add import NOT_LABELLED, add_blocks
from .record import BLOCKS, RECORD, SuggestRecord
from .write import RESULTS, write_blocks

logger = logging.getLogger(__name__)

LOCK = ".blocks.lock"


def suggest(
    volume: str | Path,
    output_dir: str | Path,
    count: int = 5,
    side: int | Sequence[int] = 64,
    add: str | Sequence[str] | None = None,
    slices: int | Sequence[int] | None = None,
    unlabelled_value: int | None = None,
    labelled: str | Sequence[str] = (),
    candidates: int = 64,
    ckpt_path: str | Path | None = None,
    channel: int | str | None = None,
    level: int = 0,
    device: str | None = None,
    seed: int = 0,
) -> None:
    """Suggest which blocks of a volume to label next, and take the corrected ones back.

    It writes the blocks as small files, OUT/blocks/NAME.EXT, each with what the weights find in it, NAME_seg.EXT, for
    you to correct in any program, and OUT/blocks.json, which says where they lie. Blocks are chosen that stand for most
    of what the weights are unsure of in this volume, and that no block stands for yet.

    With --add all, or --add NAME for some, corrected blocks become the labels of a dataset, OUT, of the whole volume,
    in which all else is not labelled; fine-tune on it, and ask for more blocks with the new weights.

    Args:
        volume: an image of any size.
        output_dir: the folder to write into, one for each volume.
        count: how many blocks.
        side: of a block in voxels, or a list of three, along X, Y and Z; where the volume has fewer, all of them.
        add: corrected blocks, by name or file, one or a list of them; or all, which are those that were changed since
            they were written.
        slices: with --add, only these slices of the blocks are labelled, counted from 0 across the through-plane axis.
        unlabelled_value: with --add, a value of the blocks that means not labelled, besides 254 and negative ones.
        labelled: boxes that are labelled elsewhere, x0:x1,y0:y1,z0:z1, one or a list of them; they are not suggested,
            and stand for what is like them.
        candidates: how many blocks are looked at, no fewer than are suggested, and how many of what is labelled
            elsewhere; of more, so many are drawn by chance.
        ckpt_path: the weights, by default the shipped ones.
        channel: which channel of a file that has several.
        level: which resolution of a pyramid, 0 the finest.
        device: that computes, by default a GPU if there is one.
        seed: of what is drawn by chance.

    Raises:
        UserError: for a volume, weights or options that cannot be used; if the folder holds blocks of another volume,
            or cannot be written; with --add, if a block was not suggested, has another shape, or was not changed, once
            those that can be are added.
    """
    _check(count, candidates, seed)
    sides = _sides(side)
    planes = None if slices is None else _numbers("slices", slices)
    for option, value in (("slices", slices), ("unlabelled_value", unlabelled_value)):
        if value is not None and add is None:
            refuse(f"--{option}", "is for blocks that are taken back", "give --add, too")
    if unlabelled_value is not None and (not _is_whole(unlabelled_value) or unlabelled_value > 255):
        refuse(f"--unlabelled_value {unlabelled_value}", "is not a whole number up to 255", "give such as 255")
    given = [labelled] if isinstance(labelled, str) else labelled
    if not isinstance(given, list | tuple) or not all(isinstance(each, str) for each in given):
        refuse(f"--labelled {labelled}", "is not a box or a list of them", "write such as 0:64,0:64,0:32")
    if add is not None:
        given_too = {"count": count, "side": sides, "labelled": tuple(given), "candidates": candidates}
        _check_not_given({**given_too, "ckpt_path": ckpt_path, "device": device, "seed": seed})
    folder = Path(str(output_dir)).resolve()
    if add is not None and not (folder / RECORD).is_file():
        refuse(folder, "holds no blocks that were suggested", "check its name, or ask for blocks first, without --add")
    with open_volume(Path(str(volume)), channel, level) as opened, alone(check_writable(folder) / LOCK, folder):
        record = SuggestRecord.of(folder, opened.info, channel, level)
        record.take(opened)
        if add is not None:
            add_blocks(record, opened.info, add, planes, unlabelled_value)
            options = {"unlabelled_value": NOT_LABELLED} | ({} if channel is None else {"channel": channel})
            options |= {"level": level} if level else {}
            words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
            told = f"tubenet {shlex.join(['finetune', str(folder), 'DIR', *words])}"
            tell_result("labelled: %s; next: %s", counted(len(list(record.labelled())), "block"), told)
            return
        elsewhere = [region_box(each, opened.info.shape, opened.info.path, "labelled") for each in given]
        chosen_device = {} if device is None else {"device": str(device)}
        words = (word for name, value in chosen_device.items() for word in (f"--{name}", value))
        check_overrides(["run", "--config_file", str(CONFIGS / "inference.json"), *words])
        weights = WEIGHTS if ckpt_path is None else Path(str(ckpt_path)).resolve()
        work = temporary_folder("suggested")
        try:
            work.mkdir()
            looker = Looker(weights, output_dir=str(work / RESULTS), **chosen_device)
            scaling = _scaling(looker, opened, record)
            share = -(-candidates // max(1, len(elsewhere)))  # of what is labelled elsewhere, so many of each box
            known = [each for box in elsewhere for each in islice(tiles(box, sides, seed), share)]
            known = list(dict.fromkeys([*known, *(block.box for block in record.labelled())]))
            taken = [*elsewhere, *(block.box for block in record.blocks)]
            candidates = max(candidates, count)
            boxes = candidate_boxes(opened.info.shape, sides, taken, seed)
            first = list(islice(boxes, candidates))
            number = len(known) + len(first)
            with Progress(f"looking at {counted(number, 'block')}", total=number):
                done = looker.describe(opened, scaling, known, len(known), advance)
                found = looker.describe(opened, scaling, chain(first, boxes), candidates, advance)
            if not found:
                fitting = by(map(min, sides, opened.info.shape))
                problem = f"has no block of {fitting} voxels left that was not suggested and is not all the same"
                refuse(opened.info.path, problem, "label those that were, or give a smaller --side")
            chosen = [(found[index].box, round(gain, 6)) for index, gain in rank(found, done, count)]
            for block in write_blocks(folder, opened, scaling, chosen, looker, work):
                record.blocks.append(block)
                record.write()
        finally:
            shutil.rmtree(work, ignore_errors=True)
        if len(found) < count:
            told = "%s: has room for %s of %s more, not %d; a smaller --side gives more"
            room = (counted(len(chosen), "block"), by(map(min, sides, opened.info.shape)))
            logger.warning(told, opened.info.path, *room, count)
        told = "%s of the %d looked at: in %s; correct NAME_seg there, then give --add all"
        tell_result(told, counted(len(chosen), "block"), len(found), folder / BLOCKS)


def _scaling(looker: Looker, volume: Volume, record: SuggestRecord) -> Scaling:
    """Return how the volume is scaled, which the record remembers."""
    name = looker.normalisation
    if name not in record.scaling:
        with Progress(f"looking at {volume.info.path.name}", total=prod(volume.info.shape)):
            record.scaling[name] = asdict(looker.scaling(volume, advance))
        record.write()
    return Scaling(**record.scaling[name])


def _check(count: Any, candidates: Any, seed: Any) -> None:
    for name, value, least in (("count", count, 1), ("candidates", candidates, 1), ("seed", seed, 0)):
        if type(value) is not int or value < least:
            refuse(f"--{name} {value}", f"is not a whole number of at least {least}", "give one such as 5")


def _check_not_given(options: Mapping[str, Any]) -> None:
    """Refuse options of blocks that are suggested, beside --add."""
    usual = {name: each.default for name, each in signature(suggest).parameters.items()}
    usual["side"] = _sides(usual["side"])
    if given := [f"--{name}" for name, value in options.items() if value != usual[name]]:
        refuse("--add", "takes blocks back, and does not suggest any", f"leave out {', '.join(given)}")


def _sides(side: Any) -> list[int]:
    sides = _numbers("side", side)
    sides = sides * 3 if len(sides) == 1 else sides
    if len(sides) != 3 or min(sides) < 8:
        refuse(f"--side {side}", "is not one number of voxels or three, of at least 8", "give one such as 64")
    return sides


def _is_whole(value: Any) -> bool:
    return is_number(value) and value >= 0 and float(value).is_integer()


def _numbers(name: str, given: Any) -> list[int]:
    """Return one whole number or several, as the command line has them."""
    numbers = list(given) if isinstance(given, list | tuple) else [given]
    if not numbers or not all(_is_whole(each) for each in numbers):
        refuse(f"--{name} {given}", "is not a whole number or a list of them", 'give such as 64, or "[64,64,16]"')
    return [int(each) for each in numbers]
