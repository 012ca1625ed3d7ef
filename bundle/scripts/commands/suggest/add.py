"""Take corrected blocks back into the frame of their volume, as labels of a dataset."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from scripts.core import (
    SEGMENTATION,
    Box,
    UserError,
    by,
    common,
    counted,
    inside_of,
    overlap,
    refuse,
    refuse_failed,
    sha256,
    through_plane_axis,
    write_text,
)
from scripts.data import DECATHLON
from scripts.io import (
    READ_SUFFIXES,
    Volume,
    VolumeInfo,
    difference,
    open_volume,
    read_header,
    read_volume,
    split_name,
    write_streamed,
)

from .record import BLOCKS, SuggestedBlock, SuggestRecord
from .write import suffix_of_blocks

logger = logging.getLogger(__name__)

NOT_LABELLED = 254
"""What labels have where nothing is labelled, in files: no class, and not the 255 by which many programs mark one."""
PAINTED = 255
"""What many programs paint a mask with; others mean by it that nothing is known."""
ALL = "all"
LABELS = "labels"
MAX_PLAIN = 2**30
"""Voxels of a label of the volume's own kind of file; a larger one is a Zarr, whose empty parts take no disk."""


@dataclass(frozen=True)
class Labelled:
    """What is labelled of a block.

    Attributes:
        box: where the block lies.
        label: `(x, y, z)` uint8, `NOT_LABELLED` where nothing is known.
        told: bool, which can be broadcast to it: the voxels that it tells of; others stay as they were.
        sha256: of the file as it was when it was read, if it is the block's own.
    """

    box: Box
    label: np.ndarray
    told: np.ndarray
    sha256: str | None


def add_blocks(
    record: SuggestRecord,
    info: VolumeInfo,
    files: str | Sequence[str],
    planes: Sequence[int] | None = None,
    unlabelled_value: int | None = None,
) -> Path:
    """Write the labels of corrected blocks as a dataset of the whole volume.

    Those that were added before stay in it; a block that comes again is labelled as it is now.

    Args:
        record: of what was suggested.
        info: the header of the volume.
        files: corrected blocks by name or file, or `all`: those changed since they were written or last added.
        planes: slices across the through-plane axis that are told of, counted from 0 in each block; None for all.
        unlabelled_value: what the files have where nothing is labelled, besides `NOT_LABELLED` and negative values.

    Returns:
        The label.

    Raises:
        UserError: for a file that is of no suggested block, has other voxels or another place, or holds what is no
            class, once the others are added; if none was changed; if the label cannot be written, or was replaced by
            something else.
    """
    corrected, parts, refused = _corrected(record, files), dict[str, Labelled](), list[UserError]()
    for block, path in corrected:
        try:
            parts[block.name] = _read(record, block, path, info, planes, unlabelled_value)
        except UserError as error:
            refused.append(error)
    if refused and len(corrected) == 1:
        raise refused[0]
    failures = [str(each) for each in refused]
    if not parts:
        refuse_failed(failures, len(corrected), "added", "correct them and add them again", "blocks")
    plain = prod(info.shape) <= MAX_PLAIN
    name = f"{split_name(info.path)[0]}{suffix_of_blocks(info.path) if plain else '.ome.zarr'}"
    target = record.folder / (record.label or f"{LABELS}/{name}")
    with ExitStack() as stack:
        before = stack.enter_context(_opened(target, info)) if target.exists() else None
        write_streamed(target, _reader(before, list(parts.values())), info.shape, np.uint8, like=info)
    record.label = target.relative_to(record.folder).as_posix()
    listed = {"image": str(info.path.resolve()), "label": record.label}
    write_text(record.folder / DECATHLON, json.dumps({"training": [listed]}, indent=2) + "\n")
    for name, part in parts.items():
        record.mark_added(name, part.sha256)
    record.write()
    added = sum(np.count_nonzero((part.label != NOT_LABELLED) & part.told) for part in parts.values())
    logger.info("%s: %s of %s", target, counted(added, "voxel"), counted(len(parts), "block"))
    if refused:
        refuse_failed(failures, len(corrected), "added", "the others are; correct them and add them again", "blocks")
    return target


def _opened(label: Path, info: VolumeInfo) -> Volume:
    """Open the label that was written before."""
    volume = open_volume(label)
    if volume.info.shape != info.shape or volume.info.dtype != np.uint8:
        volume.close()
        refuse(label, "was replaced by something else than was written there", "move it away, and add the blocks again")
    return volume


def _corrected(record: SuggestRecord, files: str | Sequence[str]) -> list[tuple[SuggestedBlock, Path]]:
    """Return the blocks that are to be added, each with the file of its label."""
    if files == ALL:
        own = [(block, record.folder / block.segmentation) for block in record.blocks]
        if missing := [path.name for _, path in own if not path.is_file()]:
            logger.warning("%s: %s not there, and left out", record.folder / BLOCKS, ", ".join(missing))
        changed = [(block, path) for block, path in own if path.is_file() and sha256(path) != block.sha256]
        if not changed:
            problem = "no segmentation of a block was changed since it was written or added"
            remedy = "correct some, or name those that are right as they are by --add NAME"
            refuse(record.folder / BLOCKS, problem, remedy)
        return changed
    known = {block.name: block for block in record.blocks}
    named = [_named(record, known, str(each)) for each in ([files] if isinstance(files, str | Path) else files)]
    names = [block.name for block, _ in named]
    if twice := next((path for at, (block, path) in enumerate(named) if block.name in names[:at]), None):
        refuse(twice, "is of a block that --add names twice", "give each block once")
    if not named:
        refuse("--add", "names no block", "give some, or all")
    return named


def _named(record: SuggestRecord, known: Mapping[str, SuggestedBlock], given: str) -> tuple[SuggestedBlock, Path]:
    """Return the block that a name, or a file named after it, means, with the file of its label."""
    is_file = given.lower().endswith(READ_SUFFIXES)
    stem = split_name(given)[0] if is_file else given
    name = stem.removesuffix(SEGMENTATION)
    if name not in known:
        problem = "is named like no block that was suggested"
        refuse(given, problem, f"give one of {', '.join(known) or 'those that you ask for first'}")
    if is_file and stem == name:
        refuse(given, "is named like the image of a block", f"give its label, {name}{SEGMENTATION}")
    return known[name], Path(given) if is_file else record.folder / known[name].segmentation


def _read(
    record: SuggestRecord,
    block: SuggestedBlock,
    path: Path,
    info: VolumeInfo,
    planes: Sequence[int] | None,
    unlabelled_value: int | None,
) -> Labelled:
    """Read what is labelled of a block."""
    own = path.resolve() == (record.folder / block.segmentation).resolve()
    # of before: what is saved while it is read counts as changed, and comes again with `all`
    before = sha256(path) if own and path.is_file() else None
    header, found = read_volume(path)
    sides = tuple(stop - start for start, stop in block.box)
    if found.shape != sides:
        refuse(path, f"has {by(found.shape)} voxels, and the block {by(sides)}", "save it with its own voxels")
    if problem := difference(header, read_header(record.folder / block.image)):
        refuse(path, problem, "save it on the grid of the block, without turning it")
    told = np.ones((1, 1, 1), dtype=bool)
    if planes is not None:
        across = through_plane_axis(info.affine)
        if max(planes) >= sides[across]:
            refuse(f"--slices {max(planes)}", f"{path.name} has slices 0 to {sides[across] - 1}", "give some of these")
        told = np.isin(np.arange(sides[across]), planes).reshape([-1 if at == across else 1 for at in range(3)])
    known = (found >= 0) & told  # what the other slices hold is nobody's claim
    values = np.unique(found[known])
    if strange := [each.item() for each in values if each not in range(256)][:3]:
        problem = f"holds {', '.join(f'{each:g}' for each in strange)}, which are no classes"
        refuse(path, problem, "save whole numbers from 0, the background, to 255")
    label = np.full(sides, NOT_LABELLED, np.uint8)  # (x, y, z)
    label[known] = found[known]
    if unlabelled_value is not None:
        label[label == unlabelled_value] = NOT_LABELLED
    _take_painted(path, label)
    return Labelled(block.box, label, np.broadcast_to(told, sides), before)


def _take_painted(path: Path, label: np.ndarray) -> None:
    """Make what a program painted with 255 the vessel that it is among 0 and 1, in place."""
    painted = label == PAINTED
    if not painted.any():
        return
    others = sorted(set(np.unique(label).tolist()) - {0, NOT_LABELLED, PAINTED})
    if others not in ([], [1]):
        problem = f"holds {PAINTED} besides the classes {', '.join(map(str, others))}"
        refuse(path, problem, f"save it as a class, or give --unlabelled_value {PAINTED} if it means not labelled")
    if others:
        told = "%s: %d voxels of %d count as vessel, as those of 1; give --unlabelled_value %d if they are not labelled"
        logger.warning(told, path, np.count_nonzero(painted), PAINTED, PAINTED)
    label[painted] = 1


def _reader(before: Volume | None, parts: Sequence[Labelled]) -> Callable[[Box], np.ndarray]:
    """Return what gives the labels of any box: those of before, and of the parts over them."""

    def read(box: Box) -> np.ndarray:
        sides = [stop - start for start, stop in box]
        found = np.full(sides, NOT_LABELLED, np.uint8) if before is None else before.read(box)  # (x, y, z)
        for part in parts:
            if overlap(part.box, box):
                shared = common(part.box, box)
                inner = inside_of(shared, part.box)
                np.copyto(found[inside_of(shared, box)], part.label[inner], where=part.told[inner])
        return found

    return read
