"""What the numbers of slices mean: modality values, such as the Hounsfield units of CT."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .slices import Slice

_WHOLE = (np.uint8, np.int16, np.uint16, np.int32, np.uint32)
_MAX_SINGLE = 16  # bits of which float32 holds every whole number times a slope


def values_dtype(slices: Sequence[Slice]) -> np.dtype:
    """Return the smallest type that holds the values of all slices, of whole numbers if it can."""
    if not all(each.slope == 1 and each.intercept.is_integer() for each in slices):
        return np.dtype(np.float32 if slices[0].plane.stored <= _MAX_SINGLE else np.float64)
    low, high = slices[0].plane.limits
    lowest = low + min(each.intercept for each in slices)
    highest = high + max(each.intercept for each in slices)
    fits = (np.dtype(kind) for kind in _WHOLE if np.iinfo(kind).min <= lowest and highest <= np.iinfo(kind).max)
    return next(fits, np.dtype(np.float64))


def values_of(each: Slice, stored: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return the values of a slice.

    White is zero (MONOCHROME1) is turned over first, within what its bits can hold.

    Args:
        each: the slice.
        stored: its numbers, of any shape.
        dtype: of `values_dtype`.
    """
    if each.plane.inverted:
        stored = sum(each.plane.limits) - stored.astype(np.int64)
    if (each.slope, each.intercept) == (1.0, 0.0):
        return stored.astype(dtype)
    if dtype.kind in "iu":
        return (stored.astype(np.int64) + int(each.intercept)).astype(dtype)
    return (stored * each.slope + each.intercept).astype(dtype)
