"""A picture of what is done so far, to see early whether the network finds vessels."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.image import imsave

from scripts.core import Box, through_plane_axis, write_whole

LARGEST = 1024  # pixels along a side
EVERY = 10.0  # seconds
NOT_DONE = (0.10, 0.12, 0.20)  # a dark blue, which neither half has otherwise


class Preview:
    """The image on the left, the probability of vessel on the right, as maxima across slices.

    It is drawn anew every few seconds while blocks are done, and removed when the result is there.

    Args:
        path: of the picture.
        shape: of the volume, (X, Y, Z) in voxels.
        affine: 4x4; slices are those across the through-plane axis.
        clock: returns the time in seconds.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        affine: npt.NDArray[np.floating],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path, self.clock = path, clock
        self.across = through_plane_axis(affine)
        plane = [size for axis, size in enumerate(shape) if axis != self.across]
        self.step = ceil(max(plane) / LARGEST)
        sides = [ceil(size / self.step) for size in plane]
        self.image, self.vessel = (np.full(sides, np.nan, np.float32) for _ in range(2))  # (plane, plane)
        self.drawn = -np.inf

    def add_image(self, box: Box, voxels: npt.NDArray[np.float32]) -> None:
        """Add voxels of the image, `(x, y, z)` in [0, 1]."""
        self._add(self.image, box, voxels)

    def add_logits(self, box: Box, logits: npt.NDArray[np.float32]) -> None:
        """Add what was found, `(K - 1, x, y, z)`, and draw the picture if it is time to."""
        self._add(self.vessel, box, 1 - 1 / (1 + np.exp(np.minimum(logits, 60)).sum(axis=0)))
        if self.clock() - self.drawn >= EVERY:
            self.draw()

    def draw(self) -> None:
        """Write the picture."""
        halves = []
        for half in (self.image, self.vessel):
            colours = np.repeat(np.nan_to_num(half)[..., None], 3, axis=-1)  # (plane, plane, 3)
            colours[np.isnan(half)] = NOT_DONE
            halves.append(colours.transpose(1, 0, 2))  # rows are the second axis of the plane
        picture = np.concatenate(halves, axis=1).clip(0, 1)
        write_whole(self.path, lambda path: imsave(path, picture))
        self.drawn = self.clock()

    def remove(self) -> None:
        """Remove the picture."""
        self.path.unlink(missing_ok=True)

    def _add(self, plane: npt.NDArray[np.float32], box: Box, voxels: npt.NDArray[np.float32]) -> None:
        flat = voxels.max(axis=self.across)  # (plane, plane)
        starts = [start for axis, (start, _) in enumerate(box) if axis != self.across]
        for axis, start in enumerate(starts):
            # whole pixels, the first of which may have begun in the block before
            cuts = [0, *range(-start % self.step or self.step, flat.shape[axis], self.step)]
            flat = np.maximum.reduceat(flat, cuts, axis=axis)
        place = tuple(
            slice(start // self.step, start // self.step + size) for start, size in zip(starts, flat.shape, strict=True)
        )
        plane[place] = np.fmax(plane[place], flat)
