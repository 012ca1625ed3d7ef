"""What one look at all voxels of a volume tells of its intensities, in memory or on disk.

Whatever holds the voxels, and whatever the boxes are, the same voxels give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.core import MAX_WHOLE, block_sides, blocks, refuse
from scripts.io import Volume

Voxels = npt.NDArray[Any]

MAX_SORTED = 2**24  # voxels; sorting them takes about a second
NO_DATA = 1e30  # no intensity is as large; -3.4e38, the lowest float32, is a common mark for "no data"
MAX_FLOAT32 = float(np.finfo(np.float32).max)
BLOCK = 2**26  # bytes of the file that are read at once
AT_ONCE = 2**20  # positions that are worked out at once


@dataclass(frozen=True, eq=False)
class Seen:
    """The intensities of a volume.

    Attributes:
        lowest: of all voxels.
        highest: of all voxels.
        there: the lowest and highest of the voxels whose absolute value is below 1e30 (`NO_DATA`), if there are any.
        drawn: `(N,)`, ascending: all voxels, or as many of a large volume as are good enough for percentiles.
    """

    lowest: float
    highest: float
    there: tuple[float, float]
    drawn: Voxels


def see(voxels: Voxels, name: object = "volume") -> Seen:
    """Look at a volume in memory.

    Of more than 2^24 voxels (`MAX_SORTED`) as many are drawn, with replacement. Which ones depends on the shape alone.

    Args:
        voxels: `(X, Y, Z)` or any other shape, of any real type.
        name: the file, for error messages.

    Raises:
        UserError: for voxels that are not finite in single precision, and for whole numbers beyond 2^53.
    """
    voxels = as_numbers(voxels)
    ends = _Ends()
    ends.add(voxels)
    ends.check(voxels.dtype, name)
    if voxels.size <= MAX_SORTED:
        return ends.with_drawn(voxels.flatten())
    drawn, positions = np.empty(MAX_SORTED, dtype=voxels.dtype), _positions(voxels.size)
    for first in range(0, MAX_SORTED, AT_ONCE):
        part = slice(first, first + AT_ONCE)
        drawn[part] = voxels[np.unravel_index(positions[part], voxels.shape)]
    return ends.with_drawn(drawn)


def see_on_disk(volume: Volume, done: Callable[[int], None] | None = None) -> Seen:
    """Look at a volume on disk, reading each chunk once; the result is that of `see`.

    It takes less than 500 MiB, however large the volume is.

    Args:
        volume: is read from its first voxel to its last.
        done: is told the number of voxels after each box.

    Raises:
        UserError: as `see`.
    """
    shape, dtype = volume.info.shape, as_numbers(np.zeros(0, dtype=volume.info.dtype)).dtype
    size = int(np.prod(shape, dtype=np.int64))
    sides = block_sides(shape, volume.chunks, BLOCK // dtype.itemsize)
    drawn = np.empty(min(size, MAX_SORTED), dtype=dtype)
    # where the drawn voxels lie, box after box, so that those of a box stand together
    keys = None if size <= MAX_SORTED else _in_boxes(_positions(size), shape, sides)
    ends, filled, volume_of_box = _Ends(), 0, int(np.prod(sides, dtype=np.int64))
    for number, box in enumerate(blocks(shape, sides)):
        voxels = as_numbers(volume.read(box))  # (x, y, z)
        ends.add(voxels)
        if keys is None:
            found = voxels.ravel()
        else:
            first, last = np.searchsorted(keys, (number * volume_of_box, (number + 1) * volume_of_box))
            found = voxels[np.unravel_index(keys[first:last] - number * volume_of_box, sides)]
        drawn[filled : filled + len(found)] = found
        filled += len(found)
        if done is not None:
            done(voxels.size)
        del voxels, found  # before the next box is read
    del keys
    ends.check(dtype, volume.info.path)
    return ends.with_drawn(drawn)


def as_numbers(voxels: Voxels) -> Voxels:
    """Return voxels of the types that PyTorch lacks as numbers that it has."""
    if voxels.dtype == bool:
        return voxels.view(np.uint8)
    if voxels.dtype.kind == "f" and voxels.dtype.itemsize > np.dtype(np.float64).itemsize:
        return voxels.astype(np.float64)
    return voxels


def _positions(size: int) -> npt.NDArray[np.int64]:
    """Return the drawn voxels of a large volume, counted along X, Y and Z, Z fastest."""
    return np.random.default_rng(0).integers(size, size=MAX_SORTED)


def _in_boxes(
    positions: npt.NDArray[np.int64], shape: tuple[int, ...], sides: tuple[int, ...]
) -> npt.NDArray[np.int64]:
    """Return each voxel's box and its place there as one number, ascending, in the same memory.

    It is the number of the box times the voxels of one, plus the place.
    """
    boxes = [-(-size // side) for size, side in zip(shape, sides, strict=True)]
    for first in range(0, len(positions), AT_ONCE):
        part = positions[first : first + AT_ONCE]
        both = [np.divmod(each, side) for each, side in zip(np.unravel_index(part, shape), sides, strict=True)]
        number = np.ravel_multi_index([quotient for quotient, _ in both], boxes)
        part[:] = number * np.prod(sides, dtype=np.int64) + np.ravel_multi_index([rest for _, rest in both], sides)
    positions.sort()
    return positions


class _Ends:
    """The lowest and highest intensity of what was added so far; NaN if any is."""

    def __init__(self) -> None:
        self.all: list[Any] = []  # numbers of the file's own type, which NumPy compares as they are
        self.below: list[Any] = []  # those below NO_DATA

    def add(self, voxels: Voxels) -> None:
        """Look at more voxels."""
        ends = [voxels.min(), voxels.max()]
        self.all = _joined(self.all, ends)
        if max(-ends[0].item(), ends[1].item()) > NO_DATA:
            there = voxels[np.abs(voxels) < NO_DATA]
            ends = [there.min(), there.max()] if there.size else []
        self.below = _joined(self.below, ends)

    def check(self, dtype: np.dtype[Any], name: object) -> None:
        """Refuse what cannot be computed with."""
        lowest, highest = (each.item() for each in self.all)
        furthest = highest if not abs(lowest) > abs(highest) else lowest
        if not abs(furthest) <= MAX_FLOAT32:
            problem = f"holds {furthest:g}, which single precision cannot hold"
            refuse(name, problem, "replace such voxels by a number like the others")
        if dtype.kind in "iu" and abs(furthest) > MAX_WHOLE:
            problem = f"holds {furthest}, and whole numbers beyond 2^53 lose digits"
            refuse(name, problem, "subtract the same number from every voxel")

    def with_drawn(self, drawn: Voxels) -> Seen:
        """Return what was seen, with drawn voxels, which are put in order."""
        drawn.sort()
        lowest, highest = (each.item() for each in self.all)
        there = tuple(each.item() for each in self.below or self.all)
        return Seen(lowest, highest, (there[0], there[1]), drawn)


def _joined(one: list[Any], two: list[Any]) -> list[Any]:
    """Return the lower and the higher end of two ranges, each of which may be empty."""
    return [np.minimum(one[0], two[0]), np.maximum(one[1], two[1])] if one and two else one or two
