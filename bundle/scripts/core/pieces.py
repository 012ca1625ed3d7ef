"""The connected pieces of a mask, numbered a box at a time.

>>> mask = np.zeros((4, 4, 4), dtype=np.bool_)
>>> mask[0, 0, 0] = mask[1, 1, 1] = mask[3, 3, 3] = True  # two of them share a corner
>>> for neighbours in (TOUCHING, FACES):
...     Pieces(lambda box: mask[slices(box)], mask.shape, neighbours, sides=(2, 4, 4)).sizes.tolist()
[0, 2, 1]
[0, 1, 1, 1]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .boxes import blocks
from .geometry import Box, slices

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

TOUCHING = ndimage.generate_binary_structure(3, 3)
FACES = ndimage.generate_binary_structure(3, 1)


class Pieces:
    """The connected pieces of a mask of any size.

    SciPy numbers the pieces of one box at a time, and those that touch across boxes are joined. The numbers of a box
    are worked out again whenever they are needed, so that they are never held for the whole volume at once, unless it
    is but one box. What is held are the numbers in two planes and two rows, and a few of each piece in each box.

    Args:
        mask: gives the voxels of a box, `(x, y, z)` bool. It has to give the same ones again as long as the pieces are
            used.
        shape: of the whole, (X, Y, Z).
        neighbours: `TOUCHING` or `FACES`.
        sides: of a box.

    Attributes:
        sizes: `(P + 1,)`, voxels in each piece; the first number is 0 and counts nothing.
    """

    def __init__(
        self, mask: Callable[[Box], Mask], shape: tuple[int, ...], neighbours: Mask, sides: tuple[int, ...]
    ) -> None:
        self.mask, self.shape, self.neighbours, self.sides = mask, shape, neighbours, sides
        self._kept: npt.NDArray[np.int32] | None = None
        self._join()

    def _join(self) -> None:
        """Number the pieces of every box, and join what touches across boxes."""
        counts, seams, total = [np.zeros(1, dtype=np.int64)], _Seams(self.shape, self.neighbours), 0
        pairs = [np.zeros((2, 0), dtype=np.int64)]
        for box in blocks(self.shape, self.sides):
            numbers = self._numbered(box)
            counts.append(np.bincount(numbers.ravel(), minlength=1)[1:])
            pairs.append(seams.add(box, numbers, total))
            total += len(counts[-1])
        self._offsets = np.cumsum([0, *(len(each) for each in counts[1:])])
        joined = np.concatenate(pairs, axis=1)
        graph = coo_array((np.ones(joined.shape[1], dtype=np.bool_), tuple(joined)), shape=(total + 1, total + 1))
        _, self._piece = connected_components(graph, directed=False)  # (total + 1,); 0 touches nothing and stays 0
        self.sizes = np.bincount(self._piece, weights=np.concatenate(counts)).astype(np.int64)

    def _numbered(self, box: Box) -> npt.NDArray[np.int32]:
        """Return SciPy's numbers of the pieces of one box, `(x, y, z)`."""
        if self._kept is not None:
            return self._kept
        mask = self.mask(box)
        numbers = np.empty(mask.shape, dtype=np.int32)
        ndimage.label(mask, self.neighbours, output=numbers)
        if mask.shape == self.shape:
            self._kept = numbers
        return numbers

    def _boxes(self) -> Iterator[tuple[Box, npt.NDArray[np.int32]]]:
        """Yield each box, and the piece of every number in it."""
        for index, box in enumerate(blocks(self.shape, self.sides)):
            own = self._piece[self._offsets[index] + 1 : self._offsets[index + 1] + 1]
            yield box, np.concatenate((self._piece[:1], own))

    def where(self, chosen: Mask) -> Iterator[tuple[Box, Mask]]:
        """Yield each box that has voxels of chosen pieces, and which voxels, `(x, y, z)`, these are.

        They may be changed in the mask before the next box is asked for.

        Args:
            chosen: `(P + 1,)`.
        """
        for box, piece in self._boxes():
            if chosen[piece].any():
                yield box, chosen[piece][self._numbered(box)]

    def those_with(self, marked: Callable[[Box], Mask], among: Callable[[Box], bool] = lambda box: True) -> Mask:
        """Return which pieces, `(P + 1,)`, have a voxel that `marked` marks in a box.

        Args:
            marked: gives the marked voxels of a box, `(x, y, z)`.
            among: tells which boxes may have any.
        """
        there = np.zeros(len(self.sizes), dtype=np.bool_)
        for box, piece in self._boxes():
            if among(box) and not there[piece[1:]].all():
                there[piece[np.unique(self._numbered(box)[marked(box)])]] = True
        there[0] = False
        return there

    def at_the_border(self) -> Mask:
        """Return which pieces, `(P + 1,)`, reach the border of the volume."""

        def inner(box: Box) -> Box:
            pairs = zip(box, self.shape, strict=True)
            return tuple((max(start, 1) - start, min(stop, size - 1) - start) for (start, stop), size in pairs)

        def border(box: Box) -> Mask:
            edge = np.ones([stop - start for start, stop in box], dtype=np.bool_)
            edge[slices(inner(box))] = False
            return edge

        return self.those_with(border, lambda box: inner(box) != tuple((0, stop - start) for start, stop in box))


class _Seams:
    """Where boxes touch those that came before, in the order of `blocks`.

    Of these it keeps the numbers of the voxels that later boxes can touch: the last plane along X of all boxes at the
    last X, the last along Y of the row of boxes before, and the last along Z of the box before. Each is kept with a
    margin of zeros, so that what lies outside the volume is as any voxel that belongs to no piece.
    """

    def __init__(self, shape: tuple[int, ...], neighbours: Mask) -> None:
        _, y, z = shape
        self.neighbours = neighbours
        self.plane, self.next_plane = (np.zeros((y + 2, z + 2), dtype=np.int64) for _ in range(2))
        self.row = self.next_row = self.face = np.zeros((0, 0), dtype=np.int64)

    def add(self, box: Box, numbers: npt.NDArray[np.int32], before: int) -> Numbers:
        """Return the pairs `(2, N)` of numbers that touch between a box and earlier ones.

        Args:
            box: the box.
            numbers: of its voxels, `(x, y, z)`, 0 for none.
            before: how many numbers earlier boxes have.
        """
        (_, _), (y0, y1), (z0, z1) = box
        x = len(numbers)
        if y0 == 0 and z0 == 0:
            self.plane, self.next_plane = self.next_plane, np.zeros_like(self.plane)
            self.next_row = np.zeros((x + 2, self.plane.shape[1]), dtype=np.int64)
        if z0 == 0:
            self.row, self.next_row = self.next_row, np.zeros((x + 2, self.plane.shape[1]), dtype=np.int64)
            self.face = np.zeros((x + 2, y1 - y0 + 2), dtype=np.int64)
        first = [np.where(each, each + np.int64(before), 0) for each in (numbers[0], numbers[:, 0], numbers[:, :, 0])]
        pairs = [
            self._touching(first[0], self.plane[y0 : y1 + 2, z0 : z1 + 2], self.neighbours[0]),
            self._touching(first[1], self.row[:, z0 : z1 + 2], self.neighbours[:, 0]),
            self._touching(first[2], self.face, self.neighbours[:, :, 0]),
        ]
        last = [np.where(each, each + np.int64(before), 0) for each in (numbers[-1], numbers[:, -1], numbers[:, :, -1])]
        self.next_plane[1 + y0 : 1 + y1, 1 + z0 : 1 + z1] = last[0]
        self.next_row[1:-1, 1 + z0 : 1 + z1] = last[1]
        self.face[1:-1, 1:-1] = last[2]
        return np.concatenate(pairs, axis=1)

    @staticmethod
    def _touching(here: Numbers, there: Numbers, neighbours: Mask) -> Numbers:
        """Return the pairs of numbers, `(2, N)`, that touch in two planes that face each other.

        Args:
            here: `(a, b)`.
            there: `(a + 2, b + 2)`, the same with a margin of one voxel.
            neighbours: `(3, 3)`: which voxels there a voxel here touches.
        """
        found, (a, b) = [np.zeros(0, dtype=np.int64)], here.shape
        for one, two in np.argwhere(neighbours):
            beside = there[one : one + a, two : two + b]
            both = (here > 0) & (beside > 0)
            found.append(np.unique(here[both] << 32 | beside[both]))  # as one number, for that is sorted much sooner
        both = np.unique(np.concatenate(found))
        return np.stack((both >> 32, both & 0xFFFFFFFF))
