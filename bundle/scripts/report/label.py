"""A label of any values as three: vessel, background, and not labelled."""

from __future__ import annotations

import numpy as np

from scripts.core import UNLABELLED, Box, slices


def vessel_or_not(label: np.ndarray, unlabelled_value: float | None = None, region: Box | None = None) -> np.ndarray:
    """Return a label of any values as int8: 1 for vessel, 0 for background, -1 for not labelled.

    Args:
        label: (X, Y, Z); vessel above 0.
        unlabelled_value: a value that means "not labelled", as negative values always do.
        region: the box outside which nothing counts as labelled.
    """
    if region is not None:
        result = np.full(label.shape, UNLABELLED, np.int8)
        result[slices(region)] = vessel_or_not(label[slices(region)], unlabelled_value)
        return result
    result = np.zeros(label.shape, np.int8)
    for z in range(label.shape[2]):  # a plane at a time: large volumes are in memory already
        plane = label[:, :, z]
        result[:, :, z][plane > 0] = 1
        unlabelled = plane < 0 if unlabelled_value is None else (plane < 0) | (plane == unlabelled_value)
        result[:, :, z][unlabelled] = UNLABELLED
    return result
