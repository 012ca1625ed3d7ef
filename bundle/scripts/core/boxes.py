"""Cut a volume into the boxes that are read one after the other, and the cells of a map.

>>> sides = block_sides((5, 4, 4), chunks=(2, 4, 4), most=64)
>>> sides, list(blocks((5, 4, 4), sides))
((4, 4, 4), [((0, 4), (0, 4), (0, 4)), ((4, 5), (0, 4), (0, 4))])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import ceil, prod

import numpy as np

from .geometry import Box, slices

CELL = 32
"""Voxels along each side of the cells in which labels are counted: few beside those of a patch."""


def block_sides(shape: Sequence[int], chunks: Sequence[int], most: int) -> tuple[int, int, int]:
    """Return the sides of equal blocks of whole chunks, so that each chunk is decoded once.

    Where a single chunk holds more than a block may, blocks are parts of chunks: bounded memory counts for more.

    Args:
        shape: voxels along X, Y and Z.
        chunks: what is decoded at one go, along X, Y and Z.
        most: voxels that a block has at most; one if this is less.
    """
    sides = [max(1, min(chunk, size)) for chunk, size in zip(chunks, shape, strict=True)]
    while prod(sides) > max(1, most):
        axis = sides.index(max(sides))
        sides[axis] = ceil(sides[axis] / 2)
    grows = {0, 1, 2}
    while grows:  # the shortest side first, for what is nearly a cube has the least surface
        axis = min(grows, key=lambda each: sides[each])
        longer = min(2 * sides[axis], shape[axis])
        if longer == sides[axis] or prod(sides) // sides[axis] * longer > most:
            grows.remove(axis)
        else:
            sides[axis] = longer
    return sides[0], sides[1], sides[2]


def blocks(shape: Sequence[int], sides: Sequence[int]) -> Iterator[Box]:
    """Yield the boxes of all blocks with these sides, those at the lowest X first, then Y."""
    for corner in product(*(range(0, size, side) for size, side in zip(shape, sides, strict=True))):
        yield tuple((first, min(first + side, size)) for first, side, size in zip(corner, sides, shape, strict=True))


def inside_of(box: Box, around: Box) -> tuple[slice, ...]:
    """Return where a box lies in an array that holds the voxels of a larger one."""
    return slices(tuple((start - first, stop - first) for (start, stop), (first, _) in zip(box, around, strict=True)))


def grown(box: Box, reach: tuple[int, int, int], shape: tuple[int, ...]) -> Box:
    """Return a box with a margin on either side, as far as there are voxels."""
    return tuple(
        (max(0, start - margin), min(stop + margin, size))
        for (start, stop), margin, size in zip(box, reach, shape, strict=True)
    )


def common(one: Box, other: Box) -> Box:
    """Return the voxels that two boxes share; with none of them, an axis ends before its start."""
    return tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(one, other, strict=True))


def overlap(one: Box, other: Box) -> bool:
    """Return whether two boxes share a voxel."""
    return all(start < stop for start, stop in common(one, other))


def add_to_cells(cells: np.ndarray, mask: np.ndarray, box: Box) -> None:
    """Add the voxels of a mask to the numbers of those in each cell, in place.

    Args:
        cells: the numbers, uint16, of cells of 32³ (`CELL`) that lie side by side from voxel 0 of a volume.
        mask: `(x, y, z)` bool.
        box: that it fills.
    """
    touched = [slice(start // CELL, ceil(stop / CELL)) for start, stop in box]
    edges = [
        np.maximum(np.arange(at.start, at.stop) * CELL, start) - start
        for at, (start, _) in zip(touched, box, strict=True)
    ]
    # layer by layer along the axis that is slowest in memory, so that planes are added: 20 times as fast as otherwise
    first = int(np.argmax(np.abs(mask.strides)))
    rest = [axis for axis in range(3) if axis != first]
    layers = np.split(np.moveaxis(mask.view(np.uint8), first, 0), edges[first][1:])  # (layer, side, side) each
    into = np.moveaxis(cells[tuple(touched)], first, 0)
    for number, layer in enumerate(layers):
        plane = layer.sum(axis=0, dtype=np.uint16)  # (side, side)
        for place, axis in enumerate(rest):
            plane = np.add.reduceat(plane, edges[axis], axis=place, dtype=np.uint16)
        into[number] += plane
