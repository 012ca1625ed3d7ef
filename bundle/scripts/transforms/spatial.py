"""Move the through-plane axis last and back, so that augmentation acts in plane."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import ceil, cos, radians, sin
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform

from scripts.core import refuse, through_plane_axis

ACROSS = "through_plane"  # key under which the through-plane axis travels with the arrays


class ThroughPlaneLastd(MapTransform):
    """Move the through-plane axis last, so that MONAI's transforms of X and Y act in plane.

    Args:
        keys: of arrays `(C, X, Y, Z)`, plain tensors afterwards. The affine of the first decides which axis it is.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Move the axis and remember it."""
        d = dict(data)
        affine = getattr(d[self.first_key(d)], "affine", np.eye(4))
        d[ACROSS] = through_plane_axis(np.asarray(affine))
        for key in self.key_iterator(d):
            plain = torch.as_tensor(np.asarray(d[key]))  # (C, X, Y, Z)
            d[key] = plain.movedim(d[ACROSS] + 1, -1).contiguous()  # (C, plane, plane, across)
        return d


class RestoreAxesd(MapTransform):
    """Move the through-plane axis back to where `ThroughPlaneLastd` found it.

    Args:
        keys: of arrays `(C, plane, plane, across)`, `(C, X, Y, Z)` afterwards.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Put the axis back."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = d[key].movedim(-1, d[ACROSS] + 1).contiguous()  # (C, X, Y, Z)
        return d


def rotation_margin(patch_size: Sequence[int], degrees: float) -> tuple[int, int, int]:
    """Return the size of a crop in which a patch is full of image however it is turned in plane.

    Args:
        patch_size: (plane, plane, across) in voxels, the first two equal or not.
        degrees: the largest angle, between 0 and 45.

    Returns:
        (plane, plane, across) in voxels; the last is the patch's.

    Raises:
        UserError: for another angle.
    """
    if not 0 <= degrees <= 45:
        refuse(f"--rotation {degrees}", "is not between 0 and 45 degrees", "give one such as 30")
    a, b, across = patch_size
    c, s = cos(radians(degrees)), sin(radians(degrees))
    # rounded up to whole voxels on both sides of the patch, and one more on each that interpolation reads
    sides = [side + 2 * ceil((other - side) / 2 + 1) for side, other in ((a, a * c + b * s), (b, b * c + a * s))]
    return (*sides, across)
