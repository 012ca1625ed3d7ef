"""Connected pieces of a mask, found a box at a time: small ones, holes, and what grows.

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

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from scripts.core import FACES, TOUCHING, Box, Pieces, block_sides, slices

Mask = npt.NDArray[np.bool_]
Classes = npt.NDArray[np.uint8]

MAX_LABELLED = 1 << 22  # voxels of a box; their numbers take 16 MiB, and what is made of them four times that


class Stored(Protocol):
    """Class indices that are read and written box by box, such as `scripts.io.BlockArray`."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]

    def read(self, box: Box) -> npt.NDArray[Any]:
        """Return the voxels of a box, `(x, y, z)`."""

    def write(self, box: Box, array: npt.NDArray[Any]) -> None:
        """Replace them."""


class _Held:
    """Class indices in memory as `Stored`; what is read is a view of them."""

    def __init__(self, classes: Classes) -> None:
        self.classes, self.shape, self.chunks = classes, classes.shape, (1, *classes.shape[1:])

    def read(self, box: Box) -> Classes:
        """Return a view."""
        return self.classes[slices(box)]

    def write(self, box: Box, array: Classes) -> None:
        """Do nothing: the view was changed."""


def _pieces(classes: Classes | Stored, is_vessel: bool, sides: tuple[int, int, int] | None) -> tuple[Stored, Pieces]:
    """Return class indices as they are stored, and their pieces of vessel or of what is not."""
    stored: Stored = _Held(classes) if isinstance(classes, np.ndarray) else classes
    sides = sides or block_sides(stored.shape, stored.chunks, MAX_LABELLED)
    return stored, Pieces(
        lambda box: (stored.read(box) > 0) == is_vessel, stored.shape, TOUCHING if is_vessel else FACES, sides
    )


def _set(
    stored: Stored, pieces: Pieces, chosen: Mask, value: Callable[[Box], Classes] | None = None, otherwise: int = 0
) -> int:
    """Set the voxels of chosen pieces, box by box, and return how many pieces that are."""
    chosen[0] = False
    for box, inside in pieces.where(chosen):
        part = stored.read(box)
        part[inside] = otherwise if value is None else value(box)[inside]
        stored.write(box, part)
    return int(chosen.sum())


def drop_small(classes: Classes | Stored, smallest: float, sides: tuple[int, int, int] | None = None) -> int:
    """Set pieces of vessel with fewer voxels to background, in place.

    Args:
        classes: `(X, Y, Z)`, class indices; vessels of different classes that touch are one piece.
        smallest: voxels that a piece has at least.
        sides: see `Pieces`; by default of about four million voxels, whole chunks of what is stored.

    Returns:
        How many pieces were dropped.
    """
    # Stopped half way and run again it ends the same: what is left of a piece is smaller still.
    stored, pieces = _pieces(classes, True, sides)
    return _set(stored, pieces, pieces.sizes < smallest)


def fill_holes(
    classes: Classes | Stored,
    largest: float,
    likeliest: Callable[[Box], Classes] | None = None,
    sides: tuple[int, int, int] | None = None,
) -> int:
    """Make enclosed holes vessel, in place.

    A hole is what is not vessel and is walled in by vessel on all sides; what reaches the border of the volume is none.

    Args:
        classes: `(X, Y, Z)`, class indices.
        largest: voxels that a hole has at most.
        likeliest: gives the class that the voxels of a box have when they are filled; by default 1.
        sides: see `drop_small`.

    Returns:
        How many holes were filled.
    """
    # Stopped half way and run again it ends the same: what is left of a hole is smaller still, and walled in by the old
    # wall and by what was filled. No other hole changes, for what touches a hole that is not vessel is part of it.
    stored, pieces = _pieces(classes, False, sides)
    return _set(stored, pieces, (pieces.sizes <= largest) & ~pieces.at_the_border(), likeliest, otherwise=1)


def keep_those_with(
    classes: Classes | Stored, certain: Callable[[Box], Mask], sides: tuple[int, int, int] | None = None
) -> int:
    """Set pieces of vessel that hold no certain voxel to background, in place (hysteresis).

    Args:
        classes: `(X, Y, Z)`, class indices, of all that exceeds the lower threshold.
        certain: tells which voxels of a box exceed the higher one, `(x, y, z)`.
        sides: see `drop_small`.

    Returns:
        How many pieces were dropped.
    """
    # Stopped half way and run again it ends the same: what is left of a piece holds no certain voxel either.
    stored, pieces = _pieces(classes, True, sides)
    return _set(stored, pieces, ~pieces.those_with(certain))
