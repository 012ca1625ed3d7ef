"""Compare two segmentations branch by branch: what was missed, and what was invented."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .mask import VesselMask
from .measure import VesselNetwork

RADIUS_CLASSES = 1.5, 3.0, 6.0
"""Where classes of radius meet, in sides of the finest voxel."""
FOUND = 0.5  # of a branch's length, which has to lie in the other mask


def compare(
    found: VesselNetwork,
    found_mask: VesselMask,
    true: VesselNetwork,
    true_mask: VesselMask,
    labelled: VesselMask | None = None,
) -> dict[str, Any]:
    """Tell which vessels of the truth were missed, and which of the segmentation were invented.

    A branch is found if at least half of its length lies in the other mask. Only what is labelled counts.

    Args:
        found: the vessels of the segmentation.
        found_mask: the segmentation.
        true: the vessels of the truth, in the same unit.
        true_mask: the truth.
        labelled: where the truth is known; by default everywhere.

    Returns:
        `length_error`, the difference of the lengths over that of the truth, None where that has none; `missed` and
        `invented`, the numbers of those branches; and `by_radius`, for each class of mean radius `up_to` (None is the
        last), the lengths of the truth and of the segmentation, and what was missed and invented of them.
    """
    missed, of_true = _left_out(true, found_mask, labelled)
    invented, of_found = _left_out(found, true_mask, labelled)
    lengths = [
        np.array([branch.length for branch in each.branches]) * share
        for each, share in ((true, of_true), (found, of_found))
    ]
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


def _left_out(
    network: VesselNetwork, mask: VesselMask, labelled: VesselMask | None
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Return which branches lie outside a mask, and the share of each that is labelled, `(N,)`."""
    points = np.concatenate([np.empty((0, 3)), *(branch.points for branch in network.branches)])
    known = np.ones(len(points), dtype=np.bool_) if labelled is None else labelled.at(points)
    branch = np.repeat(np.arange(len(network.branches)), [len(each.points) for each in network.branches])
    count = len(network.branches)
    all_, there = np.bincount(branch, minlength=count), np.bincount(branch, known, count)
    inside = np.bincount(branch, known & mask.at(points), count)
    return (there > 0) & (inside < FOUND * there), there / np.maximum(all_, 1)


def _classes(network: VesselNetwork) -> npt.NDArray[np.intp]:
    """Return the class of each branch's mean radius, `(N,)`."""
    radii = np.array([row["radius_mean"] for row in network.branch_rows()]) / min(network.voxel_size)
    return np.digitize(radii, RADIUS_CLASSES)
