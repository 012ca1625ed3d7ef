"""A few windows of a volume that stand for all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
import torch

from scripts.core import Box

LOOKED_AT = 4  # times as many windows are looked at as are taken
SMALLEST_STEP = 1 / 8  # of a window, from one to the next


def spread_windows(
    shape: Sequence[int], read: Callable[[Box], torch.Tensor], window: Sequence[int], count: int
) -> torch.Tensor:
    """Return windows from all over a volume, from the emptiest to the one with most contrast.

    Args:
        shape: of the volume, (X, Y, Z) in voxels.
        read: returns the voxels of a box, `(C, x, y, z)`.
        window: (X, Y, Z) in voxels, no larger than the volume.
        count: how many at most; they overlap where there is no room for so many.

    Returns:
        `(N, C, X, Y, Z)`, float32, on the CPU.
    """
    step = 1.0  # times a window
    while prod(map(len, corners := _corners(shape, window, step))) < count and step > SMALLEST_STEP:
        step /= 2
    lengths = tuple(map(len, corners))
    places = np.linspace(0, prod(lengths) - 1, min(prod(lengths), LOOKED_AT * count)).round().astype(int)
    boxes = [
        tuple((along[at], along[at] + side) for along, at, side in zip(corners, place, window, strict=True))
        for place in zip(*np.unravel_index(places, lengths), strict=True)
    ]
    boxes.sort(key=lambda box: float(read(box).float().std()))  # read again, for all of them are much memory
    taken = np.linspace(0, len(boxes) - 1, min(len(boxes), count)).round().astype(int)
    return torch.stack([read(boxes[at]).float().cpu() for at in taken])  # (N, C, X, Y, Z)


def _corners(shape: Sequence[int], window: Sequence[int], step: float) -> list[list[int]]:
    """Return where windows begin along each axis; the last ends where the volume does."""
    return [
        sorted({*range(0, size - side, max(1, int(side * step))), size - side})
        for size, side in zip(shape, window, strict=True)
    ]
