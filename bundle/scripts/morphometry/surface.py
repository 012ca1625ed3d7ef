"""The surface of a mask: the middles of voxel faces between vessel and background."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from scripts.core import Box

from .mask import Mask, Points, VesselMask

COARSE = 1.5  # times the finest side, from which an axis is too coarse for its faces to tell where a vessel ends
AT_ONCE = 2**20  # faces whose positions are held at once

Numbers = npt.NDArray[np.float64]


class Surface:
    """The middles of the faces between vessel and background.

    A vessel's surface lies up to half a voxel in front of or behind such a face, and over many faces this evens out.
    Faces across a coarse axis are left out, for they lie farther off: a vessel between two slices 5 µm apart may end
    anywhere between them. Where the volume ends, nothing is known of the surface, and there is none.

    Positions are `(N, 3)`, in the unit of the voxel size, from the middle of the first voxel. They are worked out when
    they are asked for: what is held of a face is its number in its block, 4 bytes where its position takes 24, and
    where a tree to find the nearest takes 50, that of one block at a time.

    Args:
        mask: read block by block, once.
        coarse: whether faces across a coarse axis are wanted too.
    """

    def __init__(self, mask: VesselMask, coarse: bool = False) -> None:
        axes = [0, 1, 2] if coarse else fine_axes(mask.voxel_size)
        self.shape, self.voxel_size = mask.shape, np.asarray(mask.voxel_size)
        found = ((box, _face_numbers(mask, box, axes)) for box in mask.blocks())
        self.blocks = [(box, numbers) for box, numbers in found if len(numbers)]
        self.first = np.cumsum([0, *(len(numbers) for _, numbers in self.blocks)])  # (B + 1,)

    def __len__(self) -> int:
        return int(self.first[-1])

    def parts(self) -> Iterator[Points]:
        """Yield the positions of all faces, `AT_ONCE` together.

        Some are as near to one branch as to another, and then the last digit of a sum may decide which they belong to.
        So their order stays as it is: another gave radii of single branches that differed by up to a tenth.
        """
        for start in range(0, len(self), AT_ONCE):
            yield self.points(np.arange(start, min(start + AT_ONCE, len(self))))

    def points(self, which: npt.NDArray[np.intp]) -> Points:
        """Return the positions of faces, given how many come before each in all `parts`."""
        found = np.empty((len(which), 3))
        place = np.searchsorted(self.first, which, side="right") - 1  # (N,), the block of each
        for block in np.unique(place):
            box, numbers = self.blocks[block]
            found[place == block] = self._positions(box, numbers[which[place == block] - self.first[block]])
        return found

    def distances(self, points: Points) -> Numbers:
        """Return how far points `(N, 3)` are from the nearest face, `(N,)`; infinite without any."""
        far, is_open = np.full(len(points), np.inf), np.ones(len(points), dtype=np.bool_)
        home = np.full(len(points), -1)  # the block of each point
        voxels = np.clip(np.rint(points / self.voxel_size), 0, np.subtract(self.shape, 1))  # (N, 3)
        for block, (box, numbers) in enumerate(self.blocks):
            lower, upper = np.transpose(box)
            own = np.flatnonzero(((voxels >= lower) & (voxels < upper)).all(axis=1))
            if len(own):
                home[own], far[own] = block, _tree(self._positions(box, numbers)).query(points[own])[0]
                # those of other blocks lie half a voxel before its first voxel, a voxel behind its last, or beyond
                is_open[own] = far[own] > _depth(points[own], (np.transpose(box) - [[0.5], [0]]) * self.voxel_size)
        for block, (box, numbers) in enumerate(self.blocks):
            ends = (np.transpose(box) - [[0], [0.5]]) * self.voxel_size  # (2, 3), of its faces
            rest = np.flatnonzero(is_open & (home != block))
            near = rest[np.linalg.norm(points[rest] - np.clip(points[rest], *ends), axis=1) < far[rest]]
            if len(near):
                faces = self._positions(box, numbers)
                # from outside, a face that lies deeper in the block is not the nearest
                faces = faces[_depth(faces, ends) <= far[near].max()]
                far[near] = np.minimum(far[near], _tree(faces).query(points[near])[0])
        return far

    def _positions(self, box: Box, numbers: npt.NDArray[np.integer]) -> Points:
        """Return where faces of a block are."""
        points = np.empty((len(numbers), 3))
        sides = [stop - start for start, stop in box]
        across = numbers // int(np.prod(sides))  # (N,), the axis of each
        for axis in range(3):
            own, order = np.flatnonzero(across == axis), _first(axis)
            before = numbers[own] - axis * int(np.prod(sides))
            points[own[:, None], order] = np.stack(np.unravel_index(before, [sides[each] for each in order]), axis=1)
            points[own, axis] += 0.5
        points += [start for start, _ in box]
        points *= self.voxel_size
        return points


def _depth(points: Points, ends: Points) -> Numbers:
    """Return how far points `(N, 3)` in a box are from its sides, `(N,)`; its ends are `(2, 3)`."""
    depth: Numbers = np.minimum.reduce([*(points - ends[0]).T, *(ends[1] - points).T])
    return depth


def _tree(points: Points) -> KDTree:
    return KDTree(points, balanced_tree=False)  # made in half the time, and as fast to ask, on a lattice


def _face_numbers(mask: VesselMask, box: Box, axes: Sequence[int]) -> npt.NDArray[np.unsignedinteger]:
    """Return the numbers of a block's faces, `(N,)`: by axis, then by the voxel before it."""
    beyond = tuple((start, min(stop + 1, size)) for (start, stop), size in zip(box, mask.shape, strict=True))
    voxels, sides = mask.read(beyond), [stop - start for start, stop in box]
    size, found = int(np.prod(sides)), []
    for axis in axes:  # the last layer, which the next block begins with, is only looked at across its faces
        own = [slice(0, side) for side in sides]
        own[axis] = slice(None)
        across = voxels[tuple(own)].transpose(_first(axis))
        found.append(axis * size + np.flatnonzero(across[1:] != across[:-1]))
    return np.concatenate(found).astype(np.min_scalar_type(3 * size))


def faces(voxels: Mask, axis: int) -> Points:
    """Return the middles of the faces of vessels across an axis, in voxels, `(N, 3)`."""
    across = voxels.transpose(_first(axis))
    at = np.argwhere(across[1:] != across[:-1]).astype(np.float64)  # (N, 3)
    at[:, 0] += 0.5
    points: Points = np.empty_like(at)
    points[:, _first(axis)] = at
    return points


def _first(axis: int) -> list[int]:
    """Return the order of axes with one of them first."""
    return [axis, *(each for each in range(3) if each != axis)]


def fine_axes(voxel_size: Sequence[float]) -> list[int]:
    """Return the axes along which voxels are not clearly longer than along the finest.

    Where that is one axis alone, across which a vessel has no walls but its ends, all three are returned.
    """
    fine = [axis for axis, side in enumerate(voxel_size) if side < COARSE * min(voxel_size)]
    return fine if len(fine) > 1 else [0, 1, 2]
