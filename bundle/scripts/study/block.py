"""Where a block of a volume lies that somebody could have labelled, by the label alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod

import numpy as np

from scripts.core import Box, slices, voxel_size

PLACES = 4  # a block is tried at every quarter of its side


def labelled_box(label: np.ndarray) -> Box:
    """Return the smallest box that holds every labelled voxel.

    Args:
        label: `(X, Y, Z)`, negative where nothing is labelled; at least one voxel is.
    """
    known = label >= 0  # (X, Y, Z)
    spans = [np.flatnonzero(known.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    return tuple((int(each[0]), int(each[-1]) + 1) for each in spans)


def share_of(label: np.ndarray) -> float:
    """Return the share of vessel among labelled voxels; NaN where there are none."""
    labelled = np.count_nonzero(label >= 0)
    return float(np.count_nonzero(label > 0) / labelled) if labelled else float("nan")


def has_both(label: np.ndarray) -> bool:
    """Return whether any voxel is vessel, and any other is background."""
    return bool((label > 0).any() and (label == 0).any())


def typical_box(label: np.ndarray, sides: Sequence[int], within: Box | None = None) -> Box | None:
    """Return the box whose share of vessel is most like that of all labelled voxels.

    Boxes are tried at every quarter of their side; of equals the first is taken. No prediction and no score is looked
    at, so the box is neither easy nor hard but by chance.

    Args:
        label: `(X, Y, Z)`, above 0 for vessel, 0 for background, below where nothing is labelled.
        sides: of the box along X, Y and Z; where there are fewer voxels, all of them.
        within: where it is to lie; by default anywhere.

    Returns:
        The box, or None if none is labelled as a whole and holds both vessel and background.
    """
    within = within or labelled_box(label)
    inside = label[slices(within)]  # (X, Y, Z) of the box
    sides = [min(side, extent) for side, extent in zip(sides, inside.shape, strict=True)]
    starts = [
        sorted({*range(0, extent - side + 1, max(1, side // PLACES)), extent - side})
        for side, extent in zip(sides, inside.shape, strict=True)
    ]
    vessel, labelled = (_counts(mask, sides, starts) for mask in (inside > 0, inside >= 0))
    unlike = np.abs(vessel / prod(sides) - share_of(label))  # (places along X, Y, Z)
    unlike[(labelled < prod(sides)) | (vessel == 0) | (vessel == prod(sides))] = np.inf
    place = np.unravel_index(unlike.argmin(), unlike.shape)
    if not np.isfinite(unlike[place]):
        return None
    first = [low + start[index] for (low, _), start, index in zip(within, starts, place, strict=True)]
    return tuple((each, each + side) for each, side in zip(first, sides, strict=True))


def _counts(mask: np.ndarray, sides: Sequence[int], starts: Sequence[Sequence[int]]) -> np.ndarray:
    """Count the true voxels of each box: an array of as many axes, one place for each start."""
    counts = mask
    for axis, (side, first) in enumerate(zip(sides, starts, strict=True)):
        rows = np.moveaxis(counts, axis, 0)
        counts = np.moveaxis(
            np.stack([rows[each : each + side].sum(axis=0, dtype=np.int64) for each in first]), 0, axis
        )
    return counts


def with_margin(box: Box, margin: int, affine: np.ndarray, shape: Sequence[int]) -> Box:
    """Return a box with a margin around it, as far as the volume goes.

    Args:
        box: the box.
        margin: in voxels of the finest axis; along a coarser one as far in length, rounded up.
        affine: 4x4 affine of the volume.
        shape: voxels of the volume along X, Y and Z.
    """
    spacing = voxel_size(affine)
    wide = [ceil(margin * spacing.min() / each - 1e-6) for each in spacing]  # 8 of 1.0000001 are 8
    return tuple(
        (max(0, start - each), min(side, stop + each))
        for (start, stop), each, side in zip(box, wide, shape, strict=True)
    )
