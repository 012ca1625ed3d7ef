"""Connected pieces of a mask, found a slab at a time: small ones, holes, and what grows.

Vessel voxels belong together where they share a face, an edge or a corner (26 neighbours), for a thin vessel runs
diagonally too. What is not vessel belongs together where it shares a face (6 neighbours), so that a hole ends where
vessels touch only by their corners.

>>> mask = np.zeros((4, 4, 4), dtype=np.uint8)
>>> mask[0, 0, 0] = mask[1, 1, 1] = mask[3, 3, 3] = 1  # two of them share a corner
>>> drop_small(mask, 2)
1
>>> mask.sum()
2
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Mask = npt.NDArray[np.bool_]
Classes = npt.NDArray[np.uint8]

TOUCHING = ndimage.generate_binary_structure(3, 3)
FACES = ndimage.generate_binary_structure(3, 1)
MAX_LABELLED = 1 << 22  # voxels of a slab; their numbers take 16 MiB, and what is made of them four times that


class Pieces:
    """The connected pieces of a mask of any size.

    SciPy numbers the pieces of one slab at a time, and those that touch across two slabs are joined. The numbers of a
    slab are worked out again whenever they are needed, so that they are never held for the whole volume at once, unless
    it is but one slab.

    Args:
        mask: gives the planes from a first to before a last one along X, `(planes, Y, Z)` bool. It has to give the
            same ones again as long as the pieces are used.
        shape: of the whole, (X, Y, Z).
        neighbours: `TOUCHING` or `FACES`.
        planes: of a slab; by default as many as `MAX_LABELLED` voxels have.

    Attributes:
        sizes: `(P + 1,)`, voxels in each piece; the first number is 0 and counts nothing.
    """

    def __init__(
        self,
        mask: Callable[[int, int], Mask],
        shape: tuple[int, ...],
        neighbours: Mask,
        planes: int | None = None,
    ) -> None:
        self.mask, self.shape, self.neighbours = mask, shape, neighbours
        self.planes = planes or max(1, MAX_LABELLED // max(1, shape[1] * shape[2]))
        self._kept: npt.NDArray[np.int32] | None = None
        self._join()

    def _join(self) -> None:
        """Number the pieces of every slab, and join what touches across slabs."""
        counts, pairs, before, total = [np.zeros(1, dtype=np.int64)], [], None, 0
        for first in range(0, self.shape[0], self.planes):
            numbers = self._numbered(first)
            counts.append(np.bincount(numbers.ravel(), minlength=1)[1:])
            if before is not None:
                pairs.append(self._touching(before, np.where(numbers[0], numbers[0] + total, 0)))
            last = numbers[-1].astype(np.int64)
            before = np.where(last, last + total, 0)
            total += len(counts[-1])
        self._offsets = np.cumsum([0, *(len(each) for each in counts[1:])])
        joined = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), dtype=np.int64)
        graph = coo_array((np.ones(joined.shape[1], dtype=np.bool_), tuple(joined)), shape=(total + 1, total + 1))
        _, self._piece = connected_components(graph, directed=False)  # (total + 1,); 0 touches nothing and stays 0
        self.sizes = np.bincount(self._piece, weights=np.concatenate(counts)).astype(np.int64)

    def _numbered(self, first: int) -> npt.NDArray[np.int32]:
        """Return SciPy's numbers of the pieces of one slab, `(planes, Y, Z)`."""
        if self._kept is not None:
            return self._kept
        mask = self.mask(first, min(first + self.planes, self.shape[0]))
        numbers = np.empty(mask.shape, dtype=np.int32)
        ndimage.label(mask, self.neighbours, output=numbers)
        if self.planes >= self.shape[0]:
            self._kept = numbers
        return numbers

    def _touching(self, one: npt.NDArray[np.int64], two: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the pairs `(2, N)` of numbers that touch in two neighbouring planes."""
        steps = np.argwhere(self.neighbours[2]) - 1  # from a voxel to those that it touches in the next plane
        found = []
        for y, z in steps:
            a, b = (_shifted(plane, sign * y, sign * z) for plane, sign in ((one, 1), (two, -1)))
            both = (a > 0) & (b > 0)
            found.append(np.unique(np.stack((a[both], b[both])), axis=1))
        return np.concatenate(found, axis=1)

    def _slabs(self) -> Iterator[tuple[slice, npt.NDArray[np.int32], npt.NDArray[np.int32]]]:
        """Yield each slab's planes, the number of every voxel in it, and the piece of every number."""
        for index, first in enumerate(range(0, self.shape[0], self.planes)):
            numbers = self._numbered(first)
            own = self._piece[self._offsets[index] + 1 : self._offsets[index + 1] + 1]
            yield slice(first, first + len(numbers)), numbers, np.concatenate((self._piece[:1], own))

    def where(self, chosen: Mask) -> Iterator[tuple[slice, Mask]]:
        """Yield each slab's planes, and which voxels in it, `(planes, Y, Z)`, lie in chosen pieces.

        The planes may be changed in the mask before the next slab is asked for.

        Args:
            chosen: `(P + 1,)`.
        """
        for planes, numbers, piece in self._slabs():
            yield planes, chosen[piece][numbers]

    def those_with(self, marked: Callable[[slice], Mask]) -> Mask:
        """Return which pieces, `(P + 1,)`, have a voxel that `marked` marks in a slab."""
        there = np.zeros(len(self.sizes), dtype=np.bool_)
        for planes, numbers, piece in self._slabs():
            there[piece[np.unique(numbers[marked(planes)])]] = True
        there[0] = False
        return there

    def at_the_border(self) -> Mask:
        """Return which pieces, `(P + 1,)`, reach the border of the volume."""
        last = self.shape[0]

        def border(planes: slice) -> Mask:
            edge = np.ones((planes.stop - planes.start, *self.shape[1:]), dtype=np.bool_)
            inner = slice(int(planes.start == 0), len(edge) - int(planes.stop == last))
            edge[inner, 1:-1, 1:-1] = False
            return edge

        return self.those_with(border)


def _shifted(plane: npt.NDArray[np.int64], y: int, z: int) -> npt.NDArray[np.int64]:
    """Return the part of a plane that lies in it after a step of -1, 0 or 1 along each axis."""
    part = tuple(slice(max(0, -step), size - max(0, step)) for step, size in zip((y, z), plane.shape, strict=True))
    return plane[part]


def drop_small(classes: Classes, smallest: float, planes: int | None = None) -> int:
    """Set pieces of vessel with fewer voxels to background, in place.

    Args:
        classes: `(X, Y, Z)`, class indices; vessels of different classes that touch are one piece.
        smallest: voxels that a piece has at least.
        planes: see `Pieces`.

    Returns:
        How many pieces were dropped.
    """
    pieces = Pieces(lambda first, last: classes[first:last] > 0, classes.shape, TOUCHING, planes)
    small = pieces.sizes < smallest
    small[0] = False
    if small.any():
        for at, inside in pieces.where(small):
            classes[at][inside] = 0
    return int(small.sum())


def fill_holes(
    classes: Classes, largest: float, likeliest: Callable[[slice], Classes] | None = None, planes: int | None = None
) -> int:
    """Make enclosed holes vessel, in place.

    A hole is what is not vessel and is walled in by vessel on all sides; what reaches the border of the volume is none.

    Args:
        classes: `(X, Y, Z)`, class indices.
        largest: voxels that a hole has at most.
        likeliest: gives the class that the voxels of a slab have when they are filled; by default 1.
        planes: see `Pieces`.

    Returns:
        How many holes were filled.
    """
    pieces = Pieces(lambda first, last: classes[first:last] == 0, classes.shape, FACES, planes)
    holes = (pieces.sizes <= largest) & ~pieces.at_the_border()
    holes[0] = False
    if holes.any():
        for at, inside in pieces.where(holes):
            classes[at][inside] = 1 if likeliest is None else likeliest(at)[inside]
    return int(holes.sum())


def keep_those_with(classes: Classes, certain: Callable[[slice], Mask], planes: int | None = None) -> int:
    """Set pieces of vessel that hold no certain voxel to background, in place (hysteresis).

    Args:
        classes: `(X, Y, Z)`, class indices, of all that exceeds the lower threshold.
        certain: tells which voxels of a slab exceed the higher one, `(planes, Y, Z)`.
        planes: see `Pieces`.

    Returns:
        How many pieces were dropped.
    """
    pieces = Pieces(lambda first, last: classes[first:last] > 0, classes.shape, TOUCHING, planes)
    uncertain = ~pieces.those_with(certain)
    uncertain[0] = False
    if uncertain.any():
        for at, inside in pieces.where(uncertain):
            classes[at][inside] = 0
    return int(uncertain.sum())
