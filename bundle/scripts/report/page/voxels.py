"""Read a volume of any size for a page: every so many voxels, or cells that hold them all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, prod
from pathlib import Path

import numpy as np

from scripts.core import Box, block_sides, blocks
from scripts.io import Volume, open_volume

MAX_SHOWN = 2**26  # voxels of one volume that pictures are made of: 400^3
MAX_BLOCK = 2**24  # voxels that are read at one go


def steps_for(shape: Sequence[int], spacing: Sequence[float], most: int) -> tuple[int, int, int]:
    """Return how many voxels to go on by along X, Y, Z, so that few enough are left.

    Finer axes get longer steps, so that what is left is as nearly a cube as can be.

    Args:
        shape: voxels along X, Y, Z.
        spacing: their size, in any unit.
        most: how many may be left.
    """
    steps = [1, 1, 1]
    while prod(map(_cells, shape, steps)) > most:
        axis = min((at for at in range(3) if steps[at] < shape[at]), key=lambda at: steps[at] * spacing[at])
        steps[axis] += 1
    return steps[0], steps[1], steps[2]


def read_shown(
    path: Path, steps: Sequence[int], channel: int | str | None = None, level: int = 0, box: Box | None = None
) -> np.ndarray:
    """Return a volume, or a box of it, at every so many voxels `(X, Y, Z)`, read block by block.

    Args:
        path: of the volume.
        steps: along X, Y, Z; 1 for all voxels.
        channel: as in `scripts.io.read_volume`.
        level: likewise.
        box: which voxels to read; by default all.

    Raises:
        UserError: as `scripts.io.open_volume`.
    """
    with open_volume(path, channel, level) as volume:
        box = tuple((0, n) for n in volume.info.shape) if box is None else box
        shape = [len(range(*bounds, step)) for bounds, step in zip(box, steps, strict=True)]
        shown = np.empty(shape, volume.info.dtype)
        for part in _parts(volume, steps, box):
            place = tuple(
                slice((at[0] - start) // step, ceil((at[1] - start) / step))
                for at, (start, _), step in zip(part, box, steps, strict=True)
            )
            shown[place] = volume.read(part)[tuple(slice(None, None, step) for step in steps)]
    return shown


def vessel_shares(path: Path, sides: Sequence[int]) -> np.ndarray:
    """Return the share of vessel in each cell of a segmentation, `(X, Y, Z)` float32.

    Args:
        path: of the segmentation, vessel above 0, which is read block by block.
        sides: voxels along each side of a cell.
    """
    with open_volume(path) as volume:
        shares = np.zeros([_cells(n, side) for n, side in zip(volume.info.shape, sides, strict=True)], np.float32)
        for part in _parts(volume, sides, tuple((0, n) for n in volume.info.shape)):
            place = tuple(slice(at[0] // side, ceil(at[1] / side)) for at, side in zip(part, sides, strict=True))
            shares[place] = means(volume.read(part) > 0, sides)
    return shares


def means(voxels: np.ndarray, sides: Sequence[int]) -> np.ndarray:
    """Return the means of cells `(X, Y, Z)`, float32; those at the ends may be smaller."""
    voxels = voxels.astype(np.float32)
    for axis, side in enumerate(sides):
        starts = np.arange(0, voxels.shape[axis], side)
        lengths = np.diff(np.append(starts, voxels.shape[axis]))
        lengths = lengths.reshape([-1 if each == axis else 1 for each in range(3)])
        voxels = np.add.reduceat(voxels, starts, axis=axis) / lengths.astype(np.float32)
    return voxels


def read_points(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return where a volume is above 0, and its values there.

    Args:
        path: of the volume, which is read block by block.

    Returns:
        `(N, 3)` int32, in voxels, and `(N,)` float32.
    """
    places, values = [np.zeros((0, 3), np.int32)], [np.zeros(0, np.float32)]
    with open_volume(path) as volume:
        for part in _parts(volume, (1, 1, 1), tuple((0, n) for n in volume.info.shape)):
            voxels = volume.read(part)
            found = np.argwhere(voxels > 0)
            places.append((found + [start for start, _ in part]).astype(np.int32))
            values.append(voxels[tuple(found.T)].astype(np.float32))
    return np.concatenate(places), np.concatenate(values)


def _cells(voxels: int, side: int) -> int:
    return -(-voxels // side)


def _parts(volume: Volume, steps: Sequence[int], box: Box) -> Iterator[Box]:
    """Yield boxes that fill a box, each of whole steps."""
    shape = [stop - start for start, stop in box]
    sides = block_sides(shape, volume.chunks, MAX_BLOCK)
    whole = [_cells(side, step) * step for side, step in zip(sides, steps, strict=True)]
    for part in blocks(shape, whole):
        yield tuple((start + low, start + high) for (start, _), (low, high) in zip(box, part, strict=True))
