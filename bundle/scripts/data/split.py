"""Split every volume in space: hold out one end of it for validation."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scripts.core import AXES, Box, longest_in_plane_axis, refuse

from .scan import LabelScan

logger = logging.getLogger(__name__)

TRAIN, VALIDATE = "train", "validate"


def split_in_space(
    region: Box, affine: np.ndarray, val_fraction: float, patch_size: Sequence[int]
) -> tuple[Box, Box] | None:
    """Split a box along its longest in-plane axis; the last `val_fraction` is for validation.

    A margin of one patch side is left between the two parts.

    Args:
        region: the box to split, in voxels.
        affine: 4x4 affine of the volume, from which the in-plane axes follow.
        val_fraction: fraction of the axis for validation, between 0 and 1.
        patch_size: size of a training patch in voxels, (X, Y, Z).

    Returns:
        The training box and the validation box, or None if the training box would be shorter than a patch.

    Raises:
        UserError: if the fraction is not between 0 and 1.
    """
    if not 0 < val_fraction < 1:
        refuse(f"--val_fraction {val_fraction}", "is not between 0 and 1", "give one such as 0.25")
    axis = longest_in_plane_axis([stop - start for start, stop in region], affine)
    start, stop = region[axis]
    val_start = stop - max(1, round(val_fraction * (stop - start)))
    train_stop = val_start - patch_size[axis]
    if train_stop - start < patch_size[axis]:
        return None
    return _with(region, axis, (start, train_stop)), _with(region, axis, (val_start, stop))


def _with(box: Box, axis: int, bounds: tuple[int, int]) -> Box:
    return (*box[:axis], bounds, *box[axis + 1 :])


def split_dataset(
    volumes: Sequence[Mapping[str, Any]], val_fraction: float, patch_size: Sequence[int]
) -> dict[str, list[dict[str, Any]]]:
    """Split every volume of a dataset in space, inside its labelled box.

    If the labelled box is too small for a patch, a margin and a validation part, or if one of the parts would hold no
    vessel, the whole box serves for both training and validation, and the log says so. Both parts hold labelled voxels,
    because the box has some at either end.

    Args:
        volumes: volumes with `name`, `label` path, `affine` and `scan` (`scan_labels`).
        val_fraction: see `split_in_space`.
        patch_size: size of a training patch in voxels, (X, Y, Z).

    Returns:
        `{"train": [...], "validate": [...]}`: the volumes, each with its training or validation box as `region`.

    Raises:
        UserError: if the fraction is not between 0 and 1, or the labels of the dataset hold no vessel.
    """
    split: dict[str, list[dict[str, Any]]] = {TRAIN: [], VALIDATE: []}
    for volume in volumes:
        for side, box in zip(split, _boxes(volume, val_fraction, patch_size), strict=True):
            split[side].append({**volume, "region": box})
    if volumes and not any(volume["scan"].holds_vessel(volume["scan"].labelled) for volume in volumes):
        more = f" (and {len(volumes) - 1} more like it)" if volumes[1:] else ""
        problem = f"holds no vessel where it is labelled{more}, so there is nothing to learn"
        refuse(volumes[0]["label"], problem, "draw vessels")
    return split


def _boxes(volume: Mapping[str, Any], val_fraction: float, patch_size: Sequence[int]) -> tuple[Box, Box]:
    """Return the training box and the validation box, both the labelled one if it is not split."""
    scan: LabelScan = volume["scan"]
    boxes = split_in_space(scan.labelled, volume["affine"], val_fraction, patch_size)
    if boxes is None:
        axis = AXES[longest_in_plane_axis([stop - start for start, stop in scan.labelled], volume["affine"])]
        why = f"too small to hold a part out along {axis}"
    else:
        without = [side for side, box in zip((TRAIN, VALIDATE), boxes, strict=True) if not scan.holds_vessel(box)]
        if not without or not scan.holds_vessel(scan.labelled):  # if the whole holds none, it would not help
            return boxes
        why = f"the part to {without[0]} on holds no vessel"
    logger.warning("%s: %s; it validates on itself", volume["name"], why)
    return scan.labelled, scan.labelled
