"""Where the blocks lie that may be suggested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from scripts.core import Box, overlap


def tiles(box: Box, sides: Sequence[int], seed: int = 0) -> Iterator[Box]:
    """Yield the boxes of a grid in a box, in an order drawn by chance.

    So the first so many are a fair sample of a box that has too many. What they leave over of a side is left out at
    both its ends alike.

    Args:
        box: to divide.
        sides: of each in voxels; where the box has fewer, all of them.
        seed: of the order.
    """
    sizes = [stop - start for start, stop in box]
    sides = [min(side, size) for side, size in zip(sides, sizes, strict=True)]
    counts = [size // side for side, size in zip(sides, sizes, strict=True)]
    first = [
        start + (size - count * side) // 2
        for (start, _), size, count, side in zip(box, sizes, counts, sides, strict=True)
    ]
    for index in np.random.default_rng(seed).permutation(int(np.prod(counts))):
        place = np.unravel_index(index, counts)
        corner = [start + int(at) * side for start, at, side in zip(first, place, sides, strict=True)]
        yield tuple((start, start + side) for start, side in zip(corner, sides, strict=True))


def candidate_boxes(
    shape: Sequence[int], sides: Sequence[int], taken: Sequence[Box] = (), seed: int = 0
) -> Iterator[Box]:
    """Yield the boxes of a grid over a volume that share no voxel with those that are taken.

    Args:
        shape: voxels along X, Y and Z.
        sides: of a box, see `tiles`.
        taken: boxes that are labelled already.
        seed: of the order.
    """
    whole = tuple((0, size) for size in shape)
    return (box for box in tiles(whole, sides, seed) if not any(overlap(box, other) for other in taken))
