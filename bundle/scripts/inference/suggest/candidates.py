"""Where the blocks lie that may be suggested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from scripts.core import Box, overlap


def candidate_boxes(shape: Sequence[int], sides: Sequence[int], taken: Sequence[Box] = (), seed: int = 0) -> list[Box]:
    """Return the boxes of a grid over a volume that share no voxel with those that are taken.

    What the boxes leave over of a side is left out at both its ends alike. They come in an order drawn by chance, so
    that the first so many are a fair sample of a volume that has too many.

    Args:
        shape: voxels along X, Y and Z.
        sides: of a box; where a volume has fewer voxels, all of them.
        taken: boxes that are labelled already.
        seed: of the order.
    """
    sides = [min(side, size) for side, size in zip(sides, shape, strict=True)]
    counts = [size // side for side, size in zip(sides, shape, strict=True)]
    first = [(size - count * side) // 2 for size, count, side in zip(shape, counts, sides, strict=True)]
    order = np.random.default_rng(seed).permutation(int(np.prod(counts)))

    def boxes() -> Iterator[Box]:
        for place in zip(*np.unravel_index(order, counts), strict=True):
            corner = [start + int(at) * side for start, at, side in zip(first, place, sides, strict=True)]
            yield tuple((start, start + side) for start, side in zip(corner, sides, strict=True))

    return [box for box in boxes() if not any(overlap(box, other) for other in taken)]
