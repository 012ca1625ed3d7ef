"""Coarser and coarser copies of an array, block by block, so that memory stays flat."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

COARSEST = 256
"""A pyramid ends where no side has more voxels than this."""
_NEARLY_AS_FINE = math.sqrt(2)  # an axis this many times as coarse as the finest is halved with it: it then is nearer
_BLOCK = 2**23  # voxels of the finer level that are in memory at once


def factors_of(shape: Sequence[int], voxel_size: Sequence[float]) -> tuple[int, ...]:
    """Return by how much each axis shrinks for the next level, those of the finest voxels by 2.

    Args:
        shape: voxels along each axis of space.
        voxel_size: their lengths, in any one unit.

    Returns:
        2 or 1 for each axis; only 1 where the array is small enough, or nothing is left to halve.
    """
    if max(shape) <= COARSEST:
        return (1,) * len(shape)
    finest = min((size for size, length in zip(voxel_size, shape, strict=True) if length > 1), default=0.0)
    return tuple(
        2 if length > 1 and size < _NEARLY_AS_FINE * finest else 1
        for size, length in zip(voxel_size, shape, strict=True)
    )


def fill_level(finer: Any, coarser: Any, factors: Sequence[int], mean: bool) -> None:
    """Fill a level from the one before.

    Args:
        finer: zarr's array of the level before; its last axes are those of space.
        coarser: zarr's array of half as many voxels, rounded up, along each axis that is halved.
        factors: of `factors_of`, in the order of the stored axes.
        mean: whether voxels are averaged, as probabilities are; of classes and intensities each second voxel is taken.
    """
    factors = (1,) * (finer.ndim - len(factors)) + tuple(factors)
    limit = max(1, _BLOCK // math.prod(factors))
    for block in blocks_of(coarser.shape, coarser.chunks, limit):
        wanted = tuple(
            slice(each.start * factor, min(each.stop * factor, length))
            for each, factor, length in zip(block, factors, finer.shape, strict=True)
        )
        voxels = np.asarray(finer[wanted])
        if voxels.any():  # what was never written stays unwritten
            coarser[block] = halved(voxels, factors, mean)


def halved(voxels: np.ndarray, factors: Sequence[int], mean: bool) -> np.ndarray:
    """Return an array with half as many voxels, rounded up, along the axes whose factor is 2.

    Args:
        voxels: any array.
        factors: 1 or 2 for each axis.
        mean: whether two voxels are averaged, the last of an odd number staying as it is; else each second is taken.
    """
    if not mean:
        return voxels[tuple(slice(None, None, factor) for factor in factors)]
    dtype = voxels.dtype
    for axis, factor in enumerate(factors):
        if factor == 2:
            even = voxels.take(range(0, voxels.shape[axis], 2), axis).astype(np.float64)
            odd = voxels.take(range(1, voxels.shape[axis], 2), axis)
            paired = (slice(None),) * axis + (slice(0, odd.shape[axis]),)
            even[paired] = (even[paired] + odd) / 2
            voxels = even
    return voxels.astype(dtype)


def blocks_of(shape: Sequence[int], chunks: Sequence[int], limit: int) -> Iterator[tuple[slice, ...]]:
    """Yield indices that cover an array, each of whole chunks, and the last axes longest.

    Args:
        shape: of the array.
        chunks: of the array.
        limit: voxels of a block at most, or one chunk if that has more.
    """
    sides, left = list(chunks), max(1, limit // math.prod(chunks))
    for axis in reversed(range(len(shape))):
        several = min(left, -(-shape[axis] // chunks[axis]))
        sides[axis], left = chunks[axis] * several, max(1, left // several)
    runs = [range(0, length, side) for length, side in zip(shape, sides, strict=True)]
    for starts in product(*runs):
        yield tuple(
            slice(start, min(start + side, length)) for start, side, length in zip(starts, sides, shape, strict=True)
        )
