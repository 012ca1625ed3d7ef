"""In-plane turns and flips of a volume, read box by box, as `AugmentedInferer` has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from scripts.core import Box, through_plane_axis

from ..image import Image
from .combined import LogitsByBox
from .network_pass import Logits

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Turn:
    """A flip along some axes, and then a swap of two.

    Attributes:
        shape: of what is turned, (X, Y, Z) in voxels.
        flipped: the axes along which it is flipped.
        order: which axis each axis of the result was; a swap is its own inverse.
    """

    shape: Shape
    flipped: tuple[int, ...]
    order: Shape

    @property
    def turned_shape(self) -> Shape:
        """Shape of the result."""
        x, y, z = (self.shape[axis] for axis in self.order)
        return x, y, z

    def source(self, box: Box) -> Box:
        """Return where the voxels of a box of the result come from."""
        return self._mirrored(tuple(box[axis] for axis in self.order))

    def target(self, box: Box) -> Box:
        """Return where the voxels of a box of what is turned come to lie."""
        mirrored = self._mirrored(box)
        return tuple(mirrored[axis] for axis in self.order)

    def _mirrored(self, box: Box) -> Box:
        return tuple(
            (size - stop, size - start) if axis in self.flipped else (start, stop)
            for axis, (size, (start, stop)) in enumerate(zip(self.shape, box, strict=True))
        )


@dataclass(frozen=True)
class TurnedImage:
    """An image as it is seen in another view.

    Attributes:
        image: the image as it is.
        turn: how it is turned.
    """

    image: Image
    turn: Turn

    @property
    def shape(self) -> Shape:
        """(X, Y, Z) in voxels."""
        return self.turn.turned_shape

    def read(self, box: Box) -> npt.NDArray[np.float32]:
        """Return the voxels of a box of the view, `(x, y, z)`, float32."""
        voxels = np.flip(self.image.read(self.turn.source(box)), self.turn.flipped)
        return np.ascontiguousarray(voxels.transpose(self.turn.order))  # (x, y, z) of the view


@dataclass(frozen=True)
class MeanOfViews:
    """The mean of the logits of several views, turned back.

    Attributes:
        shape: of the image, (X, Y, Z) in voxels.
        found: the logits of each view, and how it was turned.
    """

    shape: Shape
    found: Sequence[tuple[LogitsByBox, Turn]]

    def read(self, box: Box) -> Logits:
        """Return the mean for a box, `(K - 1, x, y, z)`."""
        total = np.zeros(1, np.float32)
        for logits in self._each(box):
            total = total + logits  # (K - 1, x, y, z)
        return total / len(self.found)

    def spread(self, box: Box) -> npt.NDArray[np.float32]:
        """Return the standard deviation of the views' probabilities of vessel, `(x, y, z)`."""
        mean = squares = np.zeros(1, np.float32)
        for number, logits in enumerate(self._each(box), start=1):  # one view at a time, as `Spread` adds them
            away = 1 - 1 / (1 + np.exp(logits).sum(axis=0)) - mean  # (x, y, z)
            mean = mean + away / number
            squares = squares + away * away * ((number - 1) / number)
        return np.sqrt(squares / len(self.found)).astype(np.float32)

    def _each(self, box: Box) -> Iterator[Logits]:
        for logits, turn in self.found:
            found = logits.read(turn.target(box))  # (K - 1, view)
            back = found.transpose(0, *(axis + 1 for axis in turn.order))  # (K - 1, x, y, z)
            yield np.flip(back, tuple(axis + 1 for axis in turn.flipped))


def turns_of(shape: Shape, affine: npt.NDArray[np.floating]) -> list[Turn]:
    """Return the eight in-plane turns and flips of a volume, first the one that is none.

    Args:
        shape: (X, Y, Z) in voxels.
        affine: 4x4; tells which axes are in plane.
    """
    across = through_plane_axis(affine)
    first, second = (axis for axis in range(3) if axis != across)
    turns = []
    for swapped, *flipped in product((False, True), repeat=3):
        order = [0, 1, 2]
        if swapped:
            order[first], order[second] = second, first
        axes = tuple(axis for axis, turned in zip((first, second), flipped, strict=True) if turned)
        turns.append(Turn(shape, axes, (order[0], order[1], order[2])))
    return turns
