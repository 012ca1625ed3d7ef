"""Compare two segmentations branch by branch: what was missed, and what was invented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .measure import VesselNetwork
from .surface import Mask

RADIUS_CLASSES = 1.5, 3.0, 6.0
"""Where classes of radius meet, in sides of the finest voxel."""
FOUND = 0.5  # of a branch's length, which has to lie in the other mask


def compare(
    found: VesselNetwork, found_mask: Mask, true: VesselNetwork, true_mask: Mask, labelled: Mask | None = None
) -> dict[str, Any]:
    """Tell which vessels of the truth were missed, and which of the segmentation were invented.

    A branch is found if at least half of its length lies in the other mask. Only what is labelled counts.

    Args:
        found: the vessels of the segmentation.
        found_mask: `(X, Y, Z)`.
        true: the vessels of the truth, in the same unit.
        true_mask: `(X, Y, Z)`.
        labelled: `(X, Y, Z)`, where the truth is known; by default everywhere.

    Returns:
        `length_error`, the difference of the lengths over that of the truth, None where that has none; `missed` and
        `invented`, the numbers of those branches; and `by_radius`, for each class of mean radius `up_to` (None is the
        last), the lengths of the truth and of the segmentation, and what was missed and invented of them.
    """
    missed, invented = _left_out(true, found_mask, labelled), _left_out(found, true_mask, labelled)
    lengths = [np.array([branch.length for branch in each.branches]) * _share(each, labelled) for each in (true, found)]
    classes = [_classes(each) for each in (true, found)]
    rows = []
    for number, up_to in enumerate((*RADIUS_CLASSES, None)):
        row: dict[str, Any] = {"up_to": None if up_to is None else up_to * min(true.voxel_size)}
        parts = zip(("true", "found"), ("missed", "invented"), lengths, classes, (missed, invented), strict=True)
        for whole, part, length, of_class, left_out in parts:
            row |= {whole: float(length[of_class == number].sum())}
            row |= {part: float(length[(of_class == number) & left_out].sum())}
        rows.append(row)
    total = [float(each.sum()) for each in lengths]
    return {
        "length_error": abs(total[1] - total[0]) / total[0] if total[0] else None,
        "missed": np.flatnonzero(missed).tolist(),
        "invented": np.flatnonzero(invented).tolist(),
        "by_radius": rows,
    }


def _left_out(network: VesselNetwork, mask: Mask, labelled: Mask | None) -> npt.NDArray[np.bool_]:
    """Return which branches lie outside a mask, of what is labelled, `(N,)`."""
    outside = []
    for at in _voxels(network):
        known = mask[at] if labelled is None else mask[at][labelled[at]]
        outside.append(len(known) > 0 and known.mean() < FOUND)
    return np.array(outside, dtype=np.bool_)


def _share(network: VesselNetwork, labelled: Mask | None) -> npt.NDArray[np.float64]:
    """Return the share of each branch that is labelled, `(N,)`."""
    shares = [1.0 if labelled is None else float(labelled[at].mean()) for at in _voxels(network)]
    return np.array(shares, dtype=np.float64)


def _voxels(network: VesselNetwork) -> Iterator[tuple[npt.NDArray[np.intp], ...]]:
    """Yield the voxels of each branch, as indices along X, Y, Z."""
    last = np.array(network.shape) - 1
    for branch in network.branches:
        yield tuple(np.clip(np.rint(branch.points / network.voxel_size).astype(int), 0, last).T)


def _classes(network: VesselNetwork) -> npt.NDArray[np.intp]:
    """Return the class of each branch's mean radius, `(N,)`."""
    radii = np.array([row["radius_mean"] for row in network.branch_rows()]) / min(network.voxel_size)
    return np.digitize(radii, RADIUS_CLASSES)
