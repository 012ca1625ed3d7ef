"""Take corrected blocks back into the frame of their volume, as labels of a dataset."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from math import prod
from pathlib import Path

import numpy as np

from scripts.core import (
    SEGMENTATION,
    Box,
    by,
    common,
    counted,
    inside_of,
    overlap,
    refuse,
    sha256,
    through_plane_axis,
    write_text,
)
from scripts.data import DECATHLON
from scripts.io import READ_SUFFIXES, Volume, VolumeInfo, open_volume, read_volume, split_name, write_streamed

from .record import BLOCKS, SuggestedBlock, SuggestRecord
from .write import suffix_of_blocks

logger = logging.getLogger(__name__)

NOT_LABELLED = 254
"""What labels have where nothing is labelled, in files: no class, and not the 255 by which many programs mark one."""
ALL = "all"
LABELS = "labels"
MAX_PLAIN = (
    2**30
)  # voxels of a label that is a file of the volume's own kind; beyond, a Zarr, whose empty parts take no disk
CLASSES = range(NOT_LABELLED)


def add_blocks(
    record: SuggestRecord, info: VolumeInfo, files: str | Sequence[str], planes: Sequence[int] | None = None
) -> Path:
    """Write the labels of corrected blocks as a dataset of the whole volume.

    Those that were added before stay in it.

    Args:
        record: of what was suggested.
        info: the header of the volume.
        files: corrected blocks by name or file, or `all`: those that were changed since they were written.
        planes: slices across the through-plane axis that are labelled, counted from 0 in each block; None for all.

    Returns:
        The label.

    Raises:
        UserError: for a file that is of no suggested block, has other voxels, or holds what is no class; if none was
            changed; if the label cannot be written.
    """
    corrected = _corrected(record, files)
    labels = {block.name: _read(block, path, info, planes) for block, path in corrected}
    boxes = {block.name: block.box for block, _ in corrected}
    stem = split_name(info.path)[0]
    plain = prod(info.shape) <= MAX_PLAIN
    target = record.folder / LABELS / f"{stem}{suffix_of_blocks(info.path) if plain else '.ome.zarr'}"
    with ExitStack() as stack:
        before = stack.enter_context(open_volume(target)) if target.exists() else None
        parts = [(boxes[name], label) for name, label in labels.items()]
        write_streamed(target, _labelled(before, parts), info.shape, np.uint8, like=info)
    listed = {"image": str(info.path.resolve()), "label": f"{LABELS}/{target.name}"}
    about = {"background": 0, "ignore": NOT_LABELLED}
    write_text(record.folder / DECATHLON, json.dumps({"labels": about, "training": [listed]}, indent=2) + "\n")
    for name in labels:
        record.mark_added(name)
    record.write()
    logger.info(
        "%s: %s added", target, counted(sum(int((each != NOT_LABELLED).sum()) for each in labels.values()), "voxel")
    )
    return target


def _corrected(record: SuggestRecord, files: str | Sequence[str]) -> list[tuple[SuggestedBlock, Path]]:
    """Return the blocks that are to be added, each with the file of its label."""
    if files == ALL:
        changed = [(block, record.folder / block.segmentation) for block in record.blocks]
        changed = [(block, path) for block, path in changed if path.is_file() and sha256(path) != block.sha256]
        if not changed:
            problem = "no segmentation of a block was changed since it was written"
            refuse(
                record.folder / BLOCKS, problem, "correct some, or name those that are right as they are by --add NAME"
            )
        return changed
    known = {block.name: block for block in record.blocks}
    return [_named(record, known, str(each)) for each in ([files] if isinstance(files, str | Path) else files)]


def _named(record: SuggestRecord, known: Mapping[str, SuggestedBlock], given: str) -> tuple[SuggestedBlock, Path]:
    """Return the block that a name, or a file named after it, means, with the file of its label."""
    if given in known:
        return known[given], record.folder / known[given].segmentation
    name = (split_name(given)[0] if given.lower().endswith(READ_SUFFIXES) else given).removesuffix(SEGMENTATION)
    if name not in known:
        problem = "is named like no block that was suggested"
        refuse(given, problem, f"give one of {', '.join(known) or 'those that you ask for first'}")
    return known[name], Path(given)


def _read(block: SuggestedBlock, path: Path, info: VolumeInfo, planes: Sequence[int] | None) -> np.ndarray:
    """Return the label of a block, `(x, y, z)` uint8."""
    _, found = read_volume(path)
    sides = tuple(stop - start for start, stop in block.box)
    if found.shape != sides:
        refuse(path, f"has {by(found.shape)} voxels, and the block {by(sides)}", "save it with its own voxels")
    unknown = found < 0
    label = np.where(unknown, NOT_LABELLED, found)
    if strange := [each.item() for each in np.unique(label) if each not in CLASSES and each != NOT_LABELLED][:3]:
        problem = f"holds {', '.join(f'{each:g}' for each in strange)}, which are no classes"
        refuse(path, problem, f"save whole numbers from 0, the background, to {CLASSES[-1]}")
    label = label.astype(np.uint8)
    if planes is not None:
        across = through_plane_axis(info.affine)
        if max(planes) >= sides[across]:
            refuse(f"--slices {max(planes)}", f"{path.name} has slices 0 to {sides[across] - 1}", "give some of these")
        keep = np.isin(np.arange(sides[across]), planes)
        np.moveaxis(label, across, 0)[~keep] = NOT_LABELLED
    return label


def _labelled(before: Volume | None, parts: Sequence[tuple[Box, np.ndarray]]) -> Callable[[Box], np.ndarray]:
    """Return what gives the labels of any box: those of before, and of the parts over them."""

    def read(box: Box) -> np.ndarray:
        if before is not None:
            found = before.read(box).astype(np.uint8)
        else:
            found = np.full([stop - start for start, stop in box], NOT_LABELLED, np.uint8)  # (x, y, z)
        for place, label in parts:
            if overlap(place, box):
                shared = common(place, box)
                part = label[inside_of(shared, place)]
                view = found[inside_of(shared, box)]
                np.copyto(view, part, where=part != NOT_LABELLED)
        return found

    return read
