"""A mask of vessels that is read one box at a time, wherever its voxels lie.

>>> mask = VesselMask.of(np.eye(3, dtype=bool)[:, :, None], (1, 1, 2))
>>> mask.read(((1, 3), (0, 3), (0, 1)))[:, :, 0].tolist()
[[False, True, False], [False, False, True]]
>>> mask.at(np.array([[1.2, 0.9, 0.0], [0.0, 2.0, 0.5]])).tolist()
[True, False]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scripts.core import Box, block_sides, blocks, slices

Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]

BLOCK = 2**24  # voxels that are read at once, 256 along each side, besides a margin


@dataclass(frozen=True)
class VesselMask:
    """A mask of vessels.

    Attributes:
        read: returns the voxels of a box, `(x, y, z)` bool.
        shape: voxels along X, Y, Z.
        voxel_size: along X, Y, Z, in any unit, which is that of all lengths.
        chunks: sides of what is best read at one go.
        block: voxels of a block at most.
    """

    read: Callable[[Box], Mask]
    shape: tuple[int, int, int]
    voxel_size: tuple[float, float, float]
    chunks: tuple[int, ...] = (1, 1, 1)
    block: int = BLOCK

    @classmethod
    def of(cls, mask: Mask, voxel_size: Sequence[float], block: int = BLOCK) -> VesselMask:
        """Return a mask `(X, Y, Z)` that is in memory."""
        x, y, z = map(float, voxel_size)
        return cls(lambda box: mask[slices(box)], (mask.shape[0], mask.shape[1], mask.shape[2]), (x, y, z), block=block)

    def blocks(self, most: int | None = None) -> Iterator[Box]:
        """Yield boxes that fill the volume, of so many voxels at the most."""
        yield from blocks(self.shape, block_sides(self.shape, self.chunks, most or self.block))

    def at(self, points: Points) -> Mask:
        """Return what the mask is at points `(N, 3)`, `(N,)`; those outside count as the border.

        Args:
            points: in the unit of the voxel size.
        """
        voxels = self.voxels(points)
        found = np.zeros(len(voxels), dtype=np.bool_)
        for box in self.blocks():
            lower, upper = np.transpose(box)
            inside = ((voxels >= lower) & (voxels < upper)).all(axis=1)
            if inside.any():
                found[inside] = self.read(box)[tuple((voxels[inside] - lower).T)]
        return found

    def voxels(self, points: Points) -> npt.NDArray[np.intp]:
        """Return the nearest voxels of points, `(N, 3)`."""
        return np.clip(np.rint(points / self.voxel_size).astype(np.intp), 0, np.subtract(self.shape, 1))
