"""What training and scoring need to know about the labels; each file is read once, by boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import MAX_WHOLE, Box, block_sides, blocks, box_text, check_all, refuse
from scripts.io import Volume, level_of_label, of_label, open_volume

from .coverage import warn_of_blocks
from .dataset import find_dataset

LABEL_REMEDY = "put a label there: whole numbers, 0 for background, 1 for vessel, -1 where nothing is labelled"
CELL = 32  # voxels along each side of what a label is counted in; it is small beside a patch
BLOCK = 2**25  # bytes of a label that are read at once
MAX_VALUES = 32  # a file with more distinct values is taken for an image, not a label


@dataclass(frozen=True, eq=False)
class LabelScan:
    """Summary of one label file.

    Attributes:
        values: the label values in the whole file, ascending, without those that mean *not labelled*.
        labelled: the smallest box that holds every labelled voxel of the volume's region.
        planes: for each value, how many of its voxels lie in each plane of `labelled`: an array each across X, Y and Z.
        background: the value that means background.
        shape: voxels of the whole volume along X, Y and Z.
        cells: for each value, how many voxels of the region have it in each cell of 32³ (`CELL`), which lie side by
            side from voxel 0 of the volume.
    """

    values: list[int]
    labelled: Box
    planes: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]
    background: int
    shape: tuple[int, ...]
    cells: dict[int, np.ndarray] = field(default_factory=dict)

    def count(self, value: int, box: Box) -> int:
        """Count the voxels of a value in a box that spans `labelled` along at least two axes."""
        if value not in self.planes:
            return 0
        cut = [axis for axis in range(3) if not _spans(box[axis], self.labelled[axis])]
        if len(cut) > 1:
            raise ValueError(f"{box_text(box)} is cut along {len(cut)} axes; planes are counted along one")
        axis = cut[0] if cut else 0
        first = self.labelled[axis][0]
        start, stop = (max(0, bound - first) for bound in box[axis])
        return int(self.planes[value][axis][start:stop].sum())

    def count_vessel(self, box: Box) -> int:
        """Count the vessel voxels, of whatever class, in a box as in `count`."""
        return sum(self.count(value, box) for value in self.values if value > self.background)

    def holds_vessel(self, box: Box) -> bool:
        """Return whether a box, as in `count`, holds any vessel voxel."""
        return self.count_vessel(box) > 0

    def holds_background(self, box: Box) -> bool:
        """Return whether a box, as in `count`, holds any background voxel."""
        return self.count(self.background, box) > 0


def find_labelled(
    dataset_dir: str | Path | Sequence[str | Path] | None,
    region: str | None = None,
    channel: int | str | None = None,
    unlabelled_value: float | None = None,
    level: int = 0,
) -> list[dict[str, Any]]:
    """Find the volumes of datasets (`find_dataset`) and scan each label (`scan_labels`).

    Raises:
        UserError: as those do; all headers are checked before any label is read.
    """
    return scan_labels(find_dataset(dataset_dir, region, channel, level), unlabelled_value, channel, level)


def scan_labels(
    volumes: Sequence[Mapping[str, Any]],
    unlabelled_value: float | None = None,
    channel: int | str | None = None,
    level: int = 0,
) -> list[dict[str, Any]]:
    """Read each label once and add its scan to the volume.

    A warning tells of labels that look as if only a block had been labelled (`warn_of_blocks`).

    Args:
        volumes: volumes with `label` path and `region`, the box of voxels that count as labelled.
        unlabelled_value: a value that means *not labelled*; negative values always do.
        channel: of the images; `depth` is that of the labels too.
        level: of the images; labels are read at `level_of_label`'s.

    Returns:
        The volumes, each with a `scan` (`LabelScan`).

    Raises:
        UserError: if a file is damaged, holds fractions or more than 32 values (an image given as a label), or has no
            labelled voxel in its region.
    """
    scanned = check_all(lambda volume: scan_label(volume, unlabelled_value, channel, level), volumes)
    warn_of_blocks(scanned)
    return scanned


def scan_label(
    volume: Mapping[str, Any],
    unlabelled_value: float | None = None,
    channel: int | str | None = None,
    level: int = 0,
) -> dict[str, Any]:
    """Read the label of one volume and add its scan; see `scan_labels`."""
    return {**volume, "scan": _scan(volume, unlabelled_value, channel, level)}


def _scan(
    volume: Mapping[str, Any], unlabelled_value: float | None, channel: int | str | None, level: int
) -> LabelScan:
    path, region = volume["label"], volume["region"]
    with open_volume(path, of_label(channel), level_of_label(path, level)) as label:
        values, counts = _count(label, path, region, unlabelled_value)
        shape = label.info.shape
    if (ignore := volume.get("ignore")) in values:
        problem = f"holds {ignore}, which dataset.json calls ignore"
        refuse(path, problem, f"give --unlabelled_value {ignore}")
    if not counts:
        remedy = "label some there, or set --region to where some are"
        refuse(path, f"no voxel is labelled in {box_text(region)}", remedy)
    labelled = [sum(each.planes[axis] for each in counts.values()) for axis in range(3)]
    box = tuple(_extent(per_plane, start) for per_plane, (start, _) in zip(labelled, region, strict=True))
    # outside of that box nothing in the region is labelled
    inside = [slice(a - start, b - start) for (a, b), (start, _) in zip(box, region, strict=True)]
    nothing = _Counts(region, shape)
    planes = {
        value: tuple(each[at] for each, at in zip(counts.get(value, nothing).planes, inside, strict=True))
        for value in values
    }
    cells = {value: counts.get(value, nothing).cells for value in values}
    # 0 is the background, unless it means not labelled
    background = values[0] if unlabelled_value == 0 and values else 0
    return LabelScan(values, box, planes, background, shape, cells)


class _Counts:
    """How many voxels of one value lie in each plane of a region and in each cell."""

    def __init__(self, region: Box, shape: Sequence[int]) -> None:
        self.planes = tuple(np.zeros(stop - start, dtype=np.int64) for start, stop in region)
        self.cells = np.zeros([ceil(size / CELL) for size in shape], dtype=np.uint16)


def _count(
    label: Volume, path: str, region: Box, unlabelled_value: float | None
) -> tuple[list[int], dict[int, _Counts]]:
    """Return the values in a whole label, and counts of those that its region holds, each box read once."""
    shape, found = label.info.shape, np.zeros(0, dtype=label.info.dtype)
    counts: dict[int, _Counts] = {}
    for box in blocks(shape, block_sides(shape, label.chunks, BLOCK // label.info.dtype.itemsize)):
        voxels = label.read(box)  # (x, y, z)
        found = np.union1d(found, voxels)
        _values(path, found, unlabelled_value)  # a large image given as a label is refused early
        part = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(box, region, strict=True))
        if any(start >= stop for start, stop in part):
            continue
        inside = voxels[tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(part, box, strict=True))]
        for value in _values(path, np.unique(inside), unlabelled_value):
            mask, into = inside == value, counts.setdefault(value, _Counts(region, shape))
            for planes, more, (start, stop), (first, _) in zip(into.planes, _planes(mask), part, region, strict=True):
                planes[start - first : stop - first] += more
            _add_to_cells(into.cells, mask, part)
    return _values(path, found, unlabelled_value), counts


def _add_to_cells(cells: np.ndarray, mask: np.ndarray, box: Box) -> None:
    """Add the voxels of a mask, which fills a box, to the numbers of those in each cell."""
    touched = tuple(slice(start // CELL, ceil(stop / CELL)) for start, stop in box)
    for axis, ((start, _), at) in enumerate(zip(box, touched, strict=True)):
        edges = np.maximum(np.arange(at.start, at.stop) * CELL, start) - start
        mask = np.add.reduceat(mask, edges, axis=axis, dtype=np.uint16)
    cells[touched] += mask


def _values(path: str, found: np.ndarray, unlabelled_value: float | None) -> list[int]:
    values = found[found >= 0]
    if unlabelled_value is not None:
        values = values[values != unlabelled_value]
    if (fractions := values[values % 1 > 0]).size:
        problem = f"looks like an image and not a label, it holds fractions such as {fractions[0]!s}"
        refuse(path, problem, LABEL_REMEDY)
    if len(values) > MAX_VALUES:
        refuse(path, f"looks like an image and not a label, it holds {len(values)} different values", LABEL_REMEDY)
    if len(values) and int(values[-1]) > MAX_WHOLE:
        refuse(path, f"looks like an image and not a label, it holds {values[-1]!s}", LABEL_REMEDY)
    return [int(value) for value in values]


def _planes(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the voxels of a mask in each plane across X, Y and Z."""
    across_x, across_y, across_z = (np.count_nonzero(mask, axis=others) for others in ((1, 2), (0, 2), (0, 1)))
    return across_x, across_y, across_z


def _extent(per_plane: np.ndarray, start: int) -> tuple[int, int]:
    filled = np.flatnonzero(per_plane)
    return start + int(filled[0]), start + int(filled[-1]) + 1


def _spans(bounds: tuple[int, int], inner: tuple[int, int]) -> bool:
    return bounds[0] <= inner[0] and inner[1] <= bounds[1]
