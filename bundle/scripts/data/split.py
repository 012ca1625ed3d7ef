"""Hold a part of every volume out for validation, by where it lies."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scripts.core import AXES, Box, box_text, longest_in_plane_axis, refuse, slices
from scripts.io import VolumeReader

logger = logging.getLogger(__name__)

TRAIN, VALIDATE = "train", "validate"


def split_in_space(
    region: Box, affine: np.ndarray, val_fraction: float, patch_size: Sequence[int]
) -> tuple[Box, Box] | None:
    """Split a box: the last `val_fraction` of its longest in-plane axis validates.

    A margin of one patch side lies between the two parts.

    Args:
        region: voxels.
        affine: 4x4, tells which axes are in plane.
        val_fraction: between 0 and 1.
        patch_size: (X, Y, Z).

    Returns:
        The training box and the validation box; None where the former would be shorter than a patch.

    Raises:
        UserError: for a fraction outside 0 to 1.
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
    dataset: Sequence[Mapping[str, Any]],
    val_fraction: float,
    patch_size: Sequence[int],
    unlabelled_value: float | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Split every volume of a dataset in space, inside the box that is labelled.

    A volume validates on itself, and the log says so, where its labelled box is too small for a patch, a margin and a
    rest, or where one of the parts would hold no vessel. Either part holds labelled voxels, for the box has some at
    both ends.

    Args:
        dataset: items with `name`, `label` path, `affine` and `region`.
        val_fraction: see `split_in_space`.
        patch_size: (X, Y, Z).
        unlabelled_value: a value that means *not labelled*; negative values always do.

    Returns:
        `{"train": [...], "validate": [...]}`: the items, each with the region that trains or validates.

    Raises:
        UserError: for a fraction outside 0 to 1, a volume with no labelled voxel in its region, or a dataset with no
            vessel in any.
    """
    reader = VolumeReader()
    bare_volumes: list[str] = []
    parts: dict[str, list[dict[str, Any]]] = {TRAIN: [], VALIDATE: []}
    for item in dataset:
        label = reader.get_data(reader.read(item["label"]))[0]  # (X, Y, Z)
        labelled = _labelled(label, unlabelled_value)
        region = _labelled_box(labelled, item)
        # 0 is the background, unless it means that nothing is known there
        vessel = labelled & (label > (label[labelled].min() if unlabelled_value == 0 else 0))
        empty = not _voxels(vessel, region).any()
        bare_volumes += [str(item["label"])] if empty else []
        boxes = split_in_space(region, item["affine"], val_fraction, patch_size)
        if boxes is None:
            axis = AXES[longest_in_plane_axis([stop - start for start, stop in region], item["affine"])]
            why = f"too small to hold a part out along {axis}"
        elif not empty and (
            bare := [part for part, box in zip(parts, boxes, strict=True) if not _voxels(vessel, box).any()]
        ):
            why, boxes = f"the part that would {bare[0]} holds no vessel", None
        if boxes is None:
            logger.warning("%s: %s; it validates on itself", item["name"], why)
            boxes = (region, region)
        for part, box in zip(parts, boxes, strict=True):
            parts[part].append({**item, "region": box})
    if dataset and len(bare_volumes) == len(dataset):
        more = f" (and {len(dataset) - 1} more like it)" if dataset[1:] else ""
        refuse(
            f"{bare_volumes[0]}{more}",
            "holds no vessel where it is labelled, so there is nothing to learn",
            "draw vessels",
        )
    return parts


def check_labelled(dataset: Sequence[Mapping[str, Any]], unlabelled_value: float | None = None) -> None:
    """Check, before hours of work, that every volume to be scored is labelled somewhere.

    Args:
        dataset: items with `label` path and `region`.
        unlabelled_value: a value that means *not labelled*; negative values always do.

    Raises:
        UserError: for a volume with no labelled voxel in its region.
    """
    reader = VolumeReader()
    for item in dataset:
        _labelled_box(_labelled(reader.get_data(reader.read(item["label"]))[0], unlabelled_value), item)


def _labelled(label: np.ndarray, unlabelled_value: float | None) -> np.ndarray:
    return label >= 0 if unlabelled_value is None else (label >= 0) & (label != unlabelled_value)


def _voxels(volume: np.ndarray, box: Box) -> np.ndarray:
    return volume[slices(box)]


def _labelled_box(labelled: np.ndarray, item: Mapping[str, Any]) -> Box:
    inside = _voxels(labelled, item["region"])
    if not inside.any():
        refuse(
            item["label"],
            f"no voxel is labelled in {box_text(item['region'])}",
            "label some there, or set --region to where some are",
        )
    box = []
    for axis, (start, _) in enumerate(item["region"]):
        along = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        box.append((start + int(along[0]), start + int(along[-1]) + 1))
    return tuple(box)
