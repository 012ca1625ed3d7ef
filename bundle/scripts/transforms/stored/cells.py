"""Find the voxels of a label by how many there are in each cell, and read only the cell."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import product
from math import ceil, prod

import numpy as np
import numpy.typing as npt

from scripts.core import CELL, Box, add_to_cells, block_sides, blocks, refuse

Classes = npt.NDArray[np.int8]
ReadClasses = Callable[[Box], Classes]
"""Returns the class indices of a box, `(x, y, z)`, -1 where nothing is labelled."""

AT_ONCE = 2**24  # voxels of a label that are read at once


def cells_in(region: Box, vessel: np.ndarray, background: np.ndarray, read: ReadClasses) -> list[np.ndarray]:
    """Return how many voxels of vessel and of background each cell has in a region.

    Cells that lie in the region in part are counted anew.

    Args:
        region: the box.
        vessel: how many voxels of vessel each cell has, in the region at least.
        background: the same of background.
        read: reads the label.

    Returns:
        Both, 0 outside of the region.
    """
    inner = tuple(slice(ceil(start / CELL), max(ceil(start / CELL), stop // CELL)) for start, stop in region)
    found = [np.zeros_like(vessel), np.zeros_like(background)]
    for into, given in zip(found, (vessel, background), strict=True):
        into[inner] = given[inner]
    for box in _rest(region, tuple((at.start * CELL, at.stop * CELL) for at in inner)):
        shape = [stop - start for start, stop in box]
        for part in blocks(shape, block_sides(shape, (CELL,) * 3, AT_ONCE)):
            at = tuple((first + start, first + stop) for (start, stop), (first, _) in zip(part, box, strict=True))
            classes = read(at)
            add_to_cells(found[0], classes > 0, at)
            add_to_cells(found[1], classes == 0, at)
    return found


def _rest(box: Box, inner: Box) -> Iterator[Box]:
    """Yield boxes that together are what a box has beyond an inner one, which may be empty."""
    if any(start >= stop for start, stop in inner):
        yield box
        return
    for axis in range(3):
        before, after = (box[axis][0], inner[axis][0]), (inner[axis][1], box[axis][1])
        for bounds in (before, after):
            if bounds[0] < bounds[1]:
                yield (*box[:axis], bounds, *box[axis + 1 :])
        box = (*box[:axis], inner[axis], *box[axis + 1 :])


def labelled_in(region: Box, vessel: np.ndarray, background: np.ndarray, read: ReadClasses) -> Box | None:
    """Return the smallest box that holds every labelled voxel of a region, or None.

    Args:
        region: the box.
        vessel: of `cells_in`.
        background: of `cells_in`.
        read: reads the label; of a cell at the end only where it is labelled in part.
    """
    labelled = vessel.astype(np.int64) + background
    if not labelled.any():
        return None
    bounds = []
    for axis, (start, stop) in enumerate(region):
        filled = np.flatnonzero(labelled.any(axis=tuple(other for other in range(3) if other != axis)))
        ends = [_first(int(filled[at]), axis, labelled, region, read, bool(at)) for at in (0, -1)]
        bounds.append((max(start, ends[0]), min(stop, ends[1])))
    return tuple(bounds)


def _first(layer: int, axis: int, labelled: np.ndarray, region: Box, read: ReadClasses, last: bool) -> int:
    """Return where along an axis the labelled voxels of a layer of cells begin, or end."""
    cells = np.argwhere(np.take(labelled, [layer], axis=axis) > 0)
    cells[:, axis] = layer
    found = None
    for cell in sorted(cells.tolist(), key=lambda each: -int(labelled[tuple(each)])):  # a full one tells at once
        box = cell_box(cell, region)
        start, stop = box[axis]
        if found == (stop if last else start):
            break
        classes = np.moveaxis(read(box), axis, 0)
        planes = np.flatnonzero((classes >= 0).any(axis=(1, 2)))
        end = start + int(planes[-1]) + 1 if last else start + int(planes[0])
        found = end if found is None else (max if last else min)(found, end)
    assert found is not None
    return found


def most_like(labelled: Box, vessel: np.ndarray, background: np.ndarray, most: int) -> Box:
    """Return a part of a labelled box whose share of vessel is most like that of all.

    Args:
        labelled: the box; it is returned if it is small enough.
        vessel: voxels of vessel in each cell.
        background: voxels of background in each cell.
        most: voxels of the box that is returned.
    """
    sides = [stop - start for start, stop in labelled]
    if prod(sides) <= most:
        return labelled
    while prod(sides) > most:  # the longest side shrinks, to whole cells, until a box of these sides is small enough
        axis = sides.index(max(sides))
        sides[axis] = max(CELL, sides[axis] // 2 // CELL * CELL)
        if max(sides) <= CELL:
            break
    share = vessel.sum() / (vessel.sum(dtype=np.int64) + background.sum(dtype=np.int64))
    found: list[tuple[float, float, Box]] = []
    firsts = (
        np.unique(np.append(np.arange(ceil(start / CELL) * CELL, stop - side + 1, CELL), stop - side))
        for (start, stop), side in zip(labelled, sides, strict=True)
    )
    for corner in product(*(each.tolist() for each in firsts)):
        box = tuple((first, first + side) for first, side in zip(corner, sides, strict=True))
        at = tuple(slice(start // CELL, ceil(stop / CELL)) for start, stop in box)
        inside, rest = int(vessel[at].sum(dtype=np.int64)), int(background[at].sum(dtype=np.int64))
        # of what is mostly labelled: elsewhere a share says little
        lacking = 1 - min(1.0, (inside + rest) / (prod(sides) / 2))
        found.append((lacking, abs(inside / max(1, inside + rest) - share), box))
    return min(found)[2]


def cell_box(cell: list[int], region: Box) -> Box:
    """Return the voxels of a cell that lie in a region."""
    return tuple(
        (max(at * CELL, start), min((at + 1) * CELL, stop)) for at, (start, stop) in zip(cell, region, strict=True)
    )


class VoxelIndices:
    """The flat indices of all voxels of one kind, each read when it is asked for.

    To MONAI's `RandCropByPosNegLabeld` it is what the list of `LabelIndicesd` is.

    Args:
        counts: voxels of that kind in each cell.
        region: the box that they lie in.
        find: returns which voxels of a box, `(x, y, z)` bool, are of that kind.
        number: returns the flat indices of voxels `(N, 3)`.
        name: the file, for messages.
    """

    def __init__(
        self,
        counts: np.ndarray,
        region: Box,
        find: Callable[[Box], npt.NDArray[np.bool_]],
        number: Callable[[np.ndarray], np.ndarray],
        name: str = "label",
    ) -> None:
        self.cells = np.argwhere(counts)
        self.ends = counts[tuple(self.cells.T)].cumsum(dtype=np.int64)
        self.region, self.find, self.number, self.name = region, find, number, name

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def __getitem__(self, index: int) -> int:
        """Return the flat index of one voxel; every voxel has one place.

        Raises:
            UserError: if the file is no longer what was counted.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        place = bisect_right(self.ends, index)
        before = int(self.ends[place - 1]) if place else 0
        box = cell_box(self.cells[place].tolist(), self.region)
        voxels = np.argwhere(self.find(box))
        if len(voxels) != int(self.ends[place]) - before:
            refuse(self.name, "was changed while it was trained on, or since it was prepared", "start again")
        chosen = voxels[int(index) - before] + [start for start, _ in box]
        return int(self.number(chosen[None])[0])
