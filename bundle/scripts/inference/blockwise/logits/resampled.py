"""Resample images and logits box by box, to the same numbers as the whole at once.

A box of the result needs a box of what is resampled, and along each axis its voxels are sums of that box's: means where
an image shrinks, of two neighbours where it grows. Both are what `scripts.inference.resampling.resample` does,
PyTorch's `area` and `trilinear`, with positions in the whole volume.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor

import numpy as np
import numpy.typing as npt
import torch

from scripts.core import Box

Voxels = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float32]


def resampled(
    read: Callable[[Box], Voxels], own: tuple[int, int, int], shape: tuple[int, int, int], box: Box
) -> Voxels:
    """Return a box of what is resampled.

    Args:
        read: gives the voxels of a box, `(x, y, z)` or `(C, x, y, z)`.
        own: shape of what is resampled, (X, Y, Z) in voxels.
        shape: of the result, which is smaller along no axis, or larger along none.
        box: of the result.

    Returns:
        `(x, y, z)` or `(C, x, y, z)`, float32.
    """
    shrinks = all(after <= before for after, before in zip(shape, own, strict=True))
    weights = _means if shrinks else _neighbours
    along = [weights(*of_axis) for of_axis in zip(own, shape, box, strict=True)]
    voxels = np.asarray(read(tuple(part for part, _ in along)), dtype=np.float32)
    for axis, (_, matrix) in enumerate(along, start=-3):
        # along one axis after another, each of which has its own length before and after
        voxels = np.moveaxis(np.tensordot(matrix, voxels, axes=(1, axis)), 0, axis)  # (..., this axis resampled)
    return np.ascontiguousarray(voxels)


def _means(own: int, size: int, part: tuple[int, int]) -> tuple[tuple[int, int], Matrix]:
    """Return which voxels shrink to a part of an axis, and their weights (`area`)."""
    bounds = [(floor(at * own / size), ceil((at + 1) * own / size)) for at in range(*part)]
    first, last = bounds[0][0], bounds[-1][1]
    matrix = np.zeros((len(bounds), last - first), np.float32)
    for row, (start, stop) in zip(matrix, bounds, strict=True):
        row[start - first : stop - first] = 1 / (stop - start)
    return (first, last), matrix


def _neighbours(own: int, size: int, part: tuple[int, int]) -> tuple[tuple[int, int], Matrix]:
    """Return which voxels grow to a part of an axis, and their weights (`trilinear`)."""
    places = torch.arange(*part, dtype=torch.float32)  # in single precision, as PyTorch has them
    source = ((places + 0.5) * (own / size) - 0.5).clamp_(min=0)
    low = source.long().clamp_(max=own - 1)
    high = (low + 1).clamp_(max=own - 1)
    share = (source - low).clamp_(max=1)
    first, last = int(low[0]), int(high[-1]) + 1
    matrix = torch.zeros(len(places), last - first)
    rows = torch.arange(len(places))
    matrix[rows, low - first] += 1 - share
    matrix[rows, high - first] += share
    return (first, last), matrix.numpy()
