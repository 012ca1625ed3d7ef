"""Which windows of the one grid over a volume belong to which block, and what they weigh.

The grid is that of the whole volume, as `GridInferer` lays it; a volume is never cut first and windowed afterwards. A
window belongs to the block in which it starts, so that every window is seen once. It may end in the next block along
each axis; a block is at least a window wide, and so never beyond that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import ceil

import torch
from monai.data.utils import compute_importance_map

from scripts.core import Box, refuse, slices

Index = tuple[int, int, int]
"""Number of a block along X, Y and Z."""


@dataclass(frozen=True)
class BlockGrid:
    """A volume cut into blocks that do not overlap.

    Attributes:
        shape: of the volume, (X, Y, Z) in voxels.
        side: of a block, (X, Y, Z) in voxels; the last one along an axis may be smaller.
    """

    shape: tuple[int, int, int]
    side: tuple[int, int, int]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Number of blocks along X, Y and Z."""
        x, y, z = (ceil(size / side) for size, side in zip(self.shape, self.side, strict=True))
        return x, y, z

    @property
    def order(self) -> tuple[int, int, int]:
        """Axes from the slowest to the fastest.

        The longest is the slowest, for then the fewest blocks wait for their neighbours.
        """
        first, second, third = sorted(range(3), key=lambda axis: -self.shape[axis])
        return first, second, third

    @cached_property
    def indices(self) -> list[Index]:
        """All blocks, in the order in which they are worked through."""
        return self._in_order([range(count) for count in self.counts])

    @cached_property
    def numbers(self) -> dict[Index, int]:
        """The place of each block in that order."""
        return {index: at for at, index in enumerate(self.indices)}

    def _in_order(self, wanted: Sequence[range]) -> list[Index]:
        """Return the blocks whose numbers along X, Y and Z lie in three ranges, in order."""
        found = []
        for along in product(*(wanted[axis] for axis in self.order)):
            index = [0, 0, 0]
            for axis, number in zip(self.order, along, strict=True):
                index[axis] = number
            found.append((index[0], index[1], index[2]))
        return found

    def box(self, index: Index) -> Box:
        """Return the voxels of a block."""
        return tuple(
            (number * side, min((number + 1) * side, size))
            for number, side, size in zip(index, self.side, self.shape, strict=True)
        )

    def before(self, index: Index) -> list[Index]:
        """Return the blocks whose windows may end in a block: itself, and those a step back."""
        steps = product(*((number - 1, number) if number else (number,) for number in index))
        return [(x, y, z) for x, y, z in steps]

    def after(self, index: Index) -> list[Index]:
        """Return the blocks in which a block's windows may end: itself, and those a step on."""
        steps = product(*((n, n + 1) if n + 1 < count else (n,) for n, count in zip(index, self.counts, strict=True)))
        return [(x, y, z) for x, y, z in steps]


class WindowGrid:
    """The windows over a volume, by the blocks in which they start.

    Args:
        blocks: over the volume, without padding; each at least a window wide, unless there is only one along an axis.
        padded: sides of the volume once it is padded, (X, Y, Z) in voxels.
        roi_size: the largest window.
        overlap: of neighbouring windows, as a fraction of their side.
        mode: how a window's voxels are weighted, `gaussian` or `constant`.
        sigma_scale: of the Gaussian, as a fraction of the window's side.

    Raises:
        UserError: for blocks smaller than a window.
    """

    def __init__(
        self,
        blocks: BlockGrid,
        padded: Sequence[int],
        roi_size: Sequence[int],
        overlap: float,
        mode: str = "gaussian",
        sigma_scale: float | Sequence[float] = 0.125,
    ) -> None:
        self.blocks = blocks
        self.padded = tuple(padded)
        self.window = tuple(map(min, roi_size, padded))
        for side, window, count in zip(blocks.side, self.window, blocks.counts, strict=True):
            if count > 1 and side < window:
                refuse(f"blocks of {side} voxels", f"are smaller than the window, {window}", "give larger ones")
        self.starts = [_starts(size, window, overlap) for size, window in zip(self.padded, self.window, strict=True)]
        self.mode, self.sigma_scale = mode, sigma_scale

    def owned(self, index: Index) -> list[list[int]]:
        """Return where the windows of a block start, along each axis."""
        last = [count - 1 for count in self.blocks.counts]
        return [
            [start for start in starts if min(start // side, most) == number]
            for starts, number, side, most in zip(self.starts, index, self.blocks.side, last, strict=True)
        ]

    def span(self, index: Index) -> Box | None:
        """Return the box that a block's windows cover in the padded volume; None without any."""
        owned = self.owned(index)
        if not all(owned):
            return None
        return tuple((starts[0], starts[-1] + window) for starts, window in zip(owned, self.window, strict=True))

    def work(self, index: Index) -> int:
        """Return how many voxels the network sees of a block, each once for every window."""
        number, voxels = 1, 1
        for starts, window in zip(self.owned(index), self.window, strict=True):
            number, voxels = number * len(starts), voxels * window
        return number * voxels

    @cached_property
    def importance(self) -> torch.Tensor:
        """What the voxels of a window weigh, `(x, y, z)`."""
        found = compute_importance_map(self.window, mode=self.mode, sigma_scale=self.sigma_scale, dtype=torch.float32)
        return found.to(torch.float32)

    def weights(self, box: Box, starts: Sequence[Sequence[int]] | None = None) -> torch.Tensor:
        """Return the sum of what the windows weigh at each voxel of a box, `(x, y, z)`.

        Args:
            box: of the padded volume.
            starts: where windows start along each axis, by default all of them.
        """
        total = torch.zeros([stop - start for start, stop in box])
        for corner in _touching(box, self.starts if starts is None else starts, self.window):
            inside, part = [], []
            for first, window, (start, stop) in zip(corner, self.window, box, strict=True):
                low, high = max(first, start), min(first + window, stop)
                inside.append((low - start, high - start))
                part.append((low - first, high - first))
            total[slices(tuple(inside))] += self.importance[slices(tuple(part))]
        return total


def _starts(size: int, window: int, overlap: float) -> list[int]:
    """Return where windows start along an axis, as MONAI's sliding window has them."""
    step = window if window == size else max(1, int(window * (1 - overlap)))
    return [min(number * step, size - window) for number in range(ceil((size - window) / step) + 1)]


def _touching(box: Box, starts: Sequence[Sequence[int]], window: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield where windows start that share voxels with a box."""
    along = [
        [first for first in of_axis if first < stop and first + side > start]
        for of_axis, side, (start, stop) in zip(starts, window, box, strict=True)
    ]
    yield from product(*along)
