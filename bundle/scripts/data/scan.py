"""What training and scoring need to know about the labels; each file is read once, by boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import Box, Progress, advance, box_text, check_all, refuse
from scripts.io import level_of_label, of_label, open_volume

from .counting import checked_values, count_label, labelled_box, noted_counts
from .coverage import warn_of_blocks
from .dataset import find_dataset


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

    def labelled_along(self, axis: int) -> np.ndarray:
        """Count the labelled voxels in each plane of `labelled` across an axis: `(planes,)`."""
        return np.sum([of_value[axis] for of_value in self.planes.values()], axis=0)

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
        shape = label.info.shape
        whole = tuple(region) == tuple((0, side) for side in shape)
        counted = noted_counts(label.info) if whole else None
        if counted is None:
            with Progress(f"looking at {label.info.path.name}", total=prod(shape)):
                counted = count_label(label, region, unlabelled_value, advance)
    values = checked_values(path, np.array(counted.values), unlabelled_value)
    if (ignore := volume.get("ignore")) in values:
        problem = f"holds {ignore}, which dataset.json calls ignore"
        refuse(path, problem, f"give --unlabelled_value {ignore}")
    counts = {value: counted.of_value(value) for value in values}
    box = labelled_box(counted, unlabelled_value)
    if box is None:
        remedy = "label some there, or set --region to where some are"
        refuse(path, f"no voxel is labelled in {box_text(region)}", remedy)
    # outside of that box nothing in the region is labelled
    inside = [slice(a - start, b - start) for (a, b), (start, _) in zip(box, region, strict=True)]
    planes = {
        value: tuple(of_axis[at] for of_axis, at in zip(each.planes, inside, strict=True))
        for value, each in counts.items()
    }
    cells = {value: each.cells for value, each in counts.items()}
    # 0 is the background, unless it means not labelled
    background = values[0] if unlabelled_value == 0 and values else 0
    return LabelScan(values, box, planes, background, shape, cells)


def _spans(bounds: tuple[int, int], inner: tuple[int, int]) -> bool:
    return bounds[0] <= inner[0] and inner[1] <= bounds[1]
