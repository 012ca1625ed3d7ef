"""A few windows of a volume that stand for all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

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
    while len(corners := _corners(shape, window, step)) < count and step > SMALLEST_STEP:
        step /= 2
    places = np.linspace(0, len(corners) - 1, min(len(corners), LOOKED_AT * count)).round().astype(int)
    boxes = [tuple((at, at + side) for at, side in zip(corners[place], window, strict=True)) for place in places]
    found = [read(box).float().cpu() for box in boxes]
    found.sort(key=lambda each: float(each.std()))
    taken = np.linspace(0, len(found) - 1, min(len(found), count)).round().astype(int)
    return torch.stack([found[at] for at in taken])  # (N, C, X, Y, Z)


def _corners(shape: Sequence[int], window: Sequence[int], step: float) -> list[tuple[int, ...]]:
    steps = [max(1, int(side * step)) for side in window]
    along = [range(0, size - side + 1, each) for size, side, each in zip(shape, window, steps, strict=True)]
    return list(product(*along))
