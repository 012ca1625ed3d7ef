"""Where patches of a volume may lie, worked out without its voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from scripts.core import Box, through_plane_axis


@dataclass(frozen=True)
class Fitted:
    """The part of a volume that patches are drawn from, as `FitToPatchesd` makes it.

    Boxes are in voxels of the volume, X, Y, Z. The part itself has its axes in another order, (plane, plane, across).

    Attributes:
        order: which axes of the volume these are.
        kept: the box that is read; what lies beyond repeats its outermost voxels, and is not labelled.
        window: the box that patches lie in, which may reach beyond the one that is kept and beyond the volume.
    """

    order: tuple[int, int, int]
    kept: Box
    window: Box

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (plane, plane, across)."""
        a, b, c = (self.window[axis][1] - self.window[axis][0] for axis in self.order)
        return a, b, c

    def box_of(self, part: Sequence[slice]) -> Box:
        """Return the box of a part that is given as an index of (plane, plane, across)."""
        box: list[tuple[int, int]] = [(0, 0)] * 3
        for axis, at, side in zip(self.order, part, self.shape, strict=True):
            start, stop, _ = at.indices(side)
            first = self.window[axis][0]
            box[axis] = (first + start, first + max(start, stop))
        return tuple(box)

    def indices_of(self, voxels: np.ndarray) -> np.ndarray:
        """Return the flat indices in the part of voxels `(N, 3)` of the volume."""
        inside = [voxels[:, axis] - self.window[axis][0] for axis in self.order]
        indices: np.ndarray = np.ravel_multi_index(inside, self.shape)
        return indices


def fit(
    labelled: Box,
    shape: Sequence[int],
    affine: np.ndarray,
    patch_size: Sequence[int],
    crop_size: Sequence[int],
    divisor: int = 32,
) -> Fitted:
    """Return which part of a volume patches are drawn from.

    Args:
        labelled: the smallest box that holds every labelled voxel.
        shape: of the volume, (X, Y, Z).
        affine: 4x4.
        patch_size: of the patch that is trained on, (plane, plane, across) in voxels.
        crop_size: of the crop that it is cut from (`rotation_margin`).
        divisor: as in `FitToPatchesd`.
    """
    across = through_plane_axis(affine)
    order = (*(axis for axis in range(3) if axis != across), across)
    # first a patch's side around what is labelled, as CropForegroundd has it: along X, Y, Z as they are
    kept = tuple(
        (max(0, start - side), min(size, stop + side))
        for (start, stop), side, size in zip(labelled, patch_size, shape, strict=True)
    )
    window: list[tuple[int, int]] = [(0, 0)] * 3
    for place, axis in enumerate(order):
        (first, last), (start, stop) = labelled[axis], kept[axis]
        margin, side = (crop_size[place] - patch_size[place]) // 2, patch_size[place]
        if place == 2:
            side = min(side, ceil((stop - start) / divisor) * divisor)
        reach = margin + max(0, side - (last - first))
        padded = (start - margin, stop + margin + max(0, side - (stop - start)))
        window[axis] = (max(padded[0], first - reach), min(padded[1], last + reach))
    return Fitted((order[0], order[1], order[2]), kept, tuple(window))
