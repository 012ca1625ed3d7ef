"""Split every volume in space: hold out one end of it for validation."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from scripts.core import AXES, Box, box_text, longest_in_plane_axis, refuse, through_plane_axis

from .scan import LabelScan

logger = logging.getLogger(__name__)

TRAIN, VALIDATE = "train", "validate"
ITSELF = "itself"
MIN_STRIP = 100
"""Voxels of vessel, and of background, without which a strip says too little to give training voxels up for it."""
SPARSE = 1 / 3
"""Of their box, that labels fill which are scattered."""
UNEVEN = 0.1
"""Of what is labelled, by which a part may hold more or less than its share of the box."""
TOUCHING = 0.1
"""Price of a cut without a margin, as a share of what is labelled: so many may be lost to have one."""
TRIED = 2000
"""Cuts that are looked at for enough vessel, the best first."""


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
    side = patch_size[axis]
    train, validate = _ends(region, axis, val_fraction, side)
    start, stop = train[axis]
    return None if stop - start < side else (train, validate)


def _ends(box: Box, axis: int, val_fraction: float, margin: int = 0, last: bool = True) -> tuple[Box, Box]:
    """Return what trains, which may be nothing, and what validates: one end of an axis."""
    start, stop = box[axis]
    return _cut(box, axis, max(1, round(val_fraction * (stop - start))), margin, last)


def _cut(box: Box, axis: int, held_out: int, margin: int, last: bool) -> tuple[Box, Box]:
    """Hold out so many voxels at one end of an axis."""
    start, stop = box[axis]
    if last:
        return _with(box, axis, (start, stop - held_out - margin)), _with(box, axis, (stop - held_out, stop))
    return _with(box, axis, (start + held_out + margin, stop)), _with(box, axis, (start, start + held_out))


def _with(box: Box, axis: int, bounds: tuple[int, int]) -> Box:
    return (*box[:axis], bounds, *box[axis + 1 :])


def split_dataset(
    volumes: Sequence[Mapping[str, Any]], val_fraction: float, patch_size: Sequence[int]
) -> dict[str, list[dict[str, Any]]]:
    """Split every volume of a dataset in space, inside its labelled box.

    If one of the parts would hold no vessel, or no background, another of the four ends in plane validates, with the
    same margin: the one whose share of vessel is most like the whole's. If that box is too small for a patch, a margin
    and a validation part, or no end will do, a strip at one of the ends validates, which touches what trains and is
    chosen alike. Of labelled voxels that are scattered, such as blocks far apart, that end might hold most or hardly
    any; then it is cut elsewhere, so that an end in plane holds its share most nearly and the fewest labelled voxels
    are lost in the margin, or with none where that would cost many. A volume without an end with enough vessel and
    background in it only trains, and the log says so. Where that is so of all volumes, they validate on themselves.
    Both parts hold labelled voxels, because the box has some at either end.

    Args:
        volumes: volumes with `name`, `label` path, `affine` and `scan` (`scan_labels`).
        val_fraction: see `split_in_space`.
        patch_size: size of a training patch in voxels, (X, Y, Z).

    Returns:
        `{"train": [...], "validate": [...]}`: the volumes, each with its training or validation box as `region`.

    Raises:
        UserError: if the fraction is not between 0 and 1, or the labels of the dataset hold no vessel.
    """
    _check_kinds(volumes)
    parts = [_boxes(volume, val_fraction, patch_size) for volume in volumes]
    without = "it trains and does not validate" if any(parts) else "it validates on itself"
    split: dict[str, list[dict[str, Any]]] = {TRAIN: [], VALIDATE: []}
    for volume, boxes in zip(volumes, parts, strict=True):
        labelled = volume["scan"].labelled
        if boxes is None:
            logger.warning("%s: nothing can be held out of it; %s", volume["name"], without)
        train, validate = boxes or (labelled, labelled)
        split[TRAIN].append({**volume, "region": train})
        if boxes or not any(parts):
            split[VALIDATE].append({**volume, "region": validate})
    return split


def _check_kinds(volumes: Sequence[Mapping[str, Any]]) -> None:
    """Refuse labels that hold no vessel together, and warn of those without background."""
    scans: list[LabelScan] = [volume["scan"] for volume in volumes]
    lack_vessel = not any(scan.holds_vessel(scan.labelled) for scan in scans)
    if not volumes or not (lack_vessel or not any(scan.holds_background(scan.labelled) for scan in scans)):
        return
    held, drawn = ("no vessel", "vessels") if lack_vessel else ("only vessel and no background", "background too")
    region, whole = volumes[0]["region"], tuple((0, side) for side in scans[0].shape)
    given = f" in --region {box_text(region)}" if tuple(region) != whole else ""
    remedy = f"check that --region is where you labelled, or draw {drawn} there" if given else f"draw {drawn}"
    more = f" (and {len(volumes) - 1} more like it)" if volumes[1:] else ""
    problem = f"holds {held} where it is labelled{given}{more}"
    if lack_vessel:
        refuse(volumes[0]["label"], f"{problem}, so there is nothing to learn", remedy)
    if given:  # `label_values` tells it of whole files
        logger.warning("%s: %s, so it teaches that everything is vessel; %s", volumes[0]["label"], problem, remedy)


def _boxes(volume: Mapping[str, Any], val_fraction: float, patch_size: Sequence[int]) -> tuple[Box, Box] | None:
    """Return the training box and the validation box, or None if nothing can be held out."""
    scan: LabelScan = volume["scan"]
    box, affine = scan.labelled, volume["affine"]
    usual = split_in_space(box, affine, val_fraction, patch_size)
    longest = longest_in_plane_axis([stop - start for start, stop in box], affine)
    other = next(axis for axis in range(3) if axis not in (longest, through_plane_axis(affine)))
    ends = [(axis, last) for axis in (longest, other) for last in (True, False)]
    # a volume of vessel or background alone is one of several, and the others have both
    if usual and (all(_has_both(scan, part) for part in usual) or not _has_both(scan, box)):
        chosen = usual
    else:
        chosen = _most_like_end(scan, ends, val_fraction, patch_size)
    if _is_scattered(scan, chosen) and (parts := _of_scattered(scan, ends, val_fraction, patch_size)):
        told = (volume["name"], _end_text(box, parts[1]), *(round(100 * _part(scan, each)) for each in parts))
        logger.info("%s: labels lie far apart: %s validate, so that %d %% of them train and %d %% validate", *told)
        return parts
    if usual and chosen and chosen is not usual:
        told = (volume["name"], _end_text(box, usual[1]), _end_text(box, chosen[1]))
        logger.info("%s: to hold out %s leaves a part without vessel or without background; %s validate", *told)
    return chosen


def _most_like_end(
    scan: LabelScan, ends: Sequence[tuple[int, bool]], val_fraction: float, patch_size: Sequence[int]
) -> tuple[Box, Box] | None:
    """Return the end most like the whole in vessel: with a margin, or as a strip, or None."""
    box = scan.labelled
    apart = [_ends(box, axis, val_fraction, patch_size[axis], last) for axis, last in ends]
    roomy = [parts for parts, (axis, _) in zip(apart, ends, strict=True) if _side(parts[0], axis) >= patch_size[axis]]
    return _most_like(scan, roomy) or _most_like(
        scan, [_ends(box, axis, val_fraction, last=last) for axis, last in ends]
    )


def _is_scattered(scan: LabelScan, parts: tuple[Box, Box] | None) -> bool:
    """Return whether labels fill little of their box, and parts hold other than their share."""
    box = scan.labelled
    if scan.labelled_along(0).sum() >= SPARSE * prod(stop - start for start, stop in box):
        return False
    if parts is None:
        return True
    train, validate = parts
    axis = next(axis for axis in range(3) if validate[axis] != box[axis])
    held, lost = _part(scan, validate), 1 - _part(scan, validate) - _part(scan, train)
    side = _side(box, axis)
    return abs(held - _side(validate, axis) / side) > UNEVEN or lost - _gap(train, validate) / side > UNEVEN


def _of_scattered(
    scan: LabelScan, ends: Sequence[tuple[int, bool]], val_fraction: float, patch_size: Sequence[int]
) -> tuple[Box, Box] | None:
    """Return the end that holds its share most nearly and loses the fewest, or None."""
    cuts: list[tuple[float, int, int, int, bool]] = []  # cost, voxels held out, axis, margin, at the last end
    for axis, last in ends:
        labelled = scan.labelled_along(axis) / scan.labelled_along(axis).sum()
        until = np.concatenate([[0], np.cumsum(labelled if last else labelled[::-1])])
        at = np.arange(1, len(labelled))
        for margin in (patch_size[axis], 0):
            lost = until[at] - until[np.maximum(at - margin, 0)]
            # sums of fractions differ in their last digits between cuts through the same gap
            cost = np.round(abs(1 - until[at] - val_fraction) + (lost if margin else TOUCHING), 6)
            best = np.argsort(cost, kind="stable")[:TRIED]
            cuts += [(cost[each], len(labelled) - int(at[each]), axis, margin, last) for each in best]
    ordered = sorted(cuts, key=lambda each: each[0])[:TRIED]
    found = (_cut(scan.labelled, axis, held_out, margin, last) for _, held_out, axis, margin, last in ordered)
    return next((parts for parts in found if _is_enough(scan, *parts)), None)


def _part(scan: LabelScan, box: Box) -> float:
    """Return the share of the labelled voxels that a box holds."""
    return sum(scan.count(value, box) for value in scan.values) / scan.labelled_along(0).sum()


def _side(box: Box, axis: int) -> int:
    return box[axis][1] - box[axis][0]


def _most_like(scan: LabelScan, parts: Sequence[tuple[Box, Box]]) -> tuple[Box, Box] | None:
    """Return the parts whose validation box is most like the whole in vessel, or None."""
    # an end with hardly a vessel, or of little else, would say nothing of the rest
    enough = [each for each in parts if _is_enough(scan, *each)]
    return min(enough, key=lambda each: abs(_share(scan, each[1]) - _share(scan, scan.labelled)), default=None)


def _end_text(whole: Box, part: Box) -> str:
    """Say which end of a box a part is, such as "the last 25 of 100 voxels along X"."""
    axis = next(axis for axis in range(3) if part[axis] != whole[axis])
    which = "first" if part[axis][0] == whole[axis][0] else "last"
    return f"the {which} {_side(part, axis)} of {_side(whole, axis)} voxels along {AXES[axis]}"


def _share(scan: LabelScan, box: Box) -> float:
    """Return the share of vessel among the labelled voxels of a box."""
    vessel = scan.count_vessel(box)
    return vessel / (vessel + scan.count(scan.background, box))


def _is_enough(scan: LabelScan, train: Box, validate: Box) -> bool:
    """Return whether both parts have vessel and background, and what validates enough of either."""
    vessel, background = (scan.count_vessel(validate), scan.count(scan.background, validate))
    return min(vessel, background) >= MIN_STRIP and _has_both(scan, train)


def _has_both(scan: LabelScan, box: Box) -> bool:
    return scan.holds_vessel(box) and scan.holds_background(box)


def held_out_of(name: str, train: Box, validate: Box) -> str:
    """Say in words which part of a volume validates.

    Args:
        name: the volume's name.
        train: the box that trains.
        validate: the box that validates, another along one axis, or the same.

    Returns:
        Such as "a strip of 16 of 64 voxels along X of NAME, which touches what trains", or "itself".
    """
    cut = [axis for axis in range(3) if train[axis] != validate[axis]]
    if not cut:
        return ITSELF
    axis = cut[0]
    start, stop = validate[axis]
    whole = max(train[axis][1], stop) - min(train[axis][0], start)
    gap = _gap(train, validate)
    beside = "which touches what trains" if gap == 0 else f"{gap} voxels from what trains"
    return f"a strip of {stop - start} of {whole} voxels along {AXES[axis]} of {name}, {beside}"


def _gap(train: Box, validate: Box) -> int:
    """Return how many voxels lie between two boxes along the axis in which they differ."""
    return max(max(b[0] - a[1], a[0] - b[1]) for a, b in zip(train, validate, strict=True))


def validated_on(train: Sequence[Mapping[str, Any]], validate: Sequence[Mapping[str, Any]]) -> str:
    """Say in words what scores during training are measured on.

    Args:
        train: volumes that train, with `name`, `label` and `region`.
        validate: volumes that validate.

    Returns:
        "itself" if what validates trains too; otherwise for each volume the part that validates, see `held_out_of`.
    """
    trained = {os.path.realpath(volume["label"]): volume["region"] for volume in train}
    told = []
    for volume in validate:
        name, box = volume["name"], trained.get(os.path.realpath(volume["label"]))
        told.append(f"{name}, which does not train" if box is None else held_out_of(name, box, volume["region"]))
    return ITSELF if set(told) == {ITSELF} else "; ".join(told)
