"""Resample a volume within its field of view, and logits back to the volume's own voxels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from scripts.core import return_freed_memory, through_plane_axis, voxel_size

MIN_SIDE = 16  # no axis is shrunk to fewer voxels, so that a stack of 15 slices keeps them all


def shape_at(scale: float, shape: Sequence[int], affine: np.ndarray) -> tuple[int, int, int]:
    """Return how many voxels an image has at a scale.

    Each axis shrinks by `scale`. An axis whose voxels are coarser than those in plane shrinks less, to the voxel size
    that those in plane then have; where it is coarser still, it stays as it is. No axis is left with fewer than
    `MIN_SIDE` voxels, and one that is shorter keeps what it has. Enlarging keeps proportions.

    Args:
        scale: voxels after over voxels before, along the finer of the in-plane axes.
        shape: (X, Y, Z) in voxels.
        affine: 4x4; only the proportions of its voxel sizes matter.
    """
    if scale >= 1:
        x, y, z = (round(scale * size) for size in shape)
        return x, y, z
    spacing, across = voxel_size(affine), through_plane_axis(affine)
    in_plane = min(spacing[axis] for axis in range(3) if axis != across)
    factors = [min(1.0, scale * max(1.0, side / in_plane)) for side in spacing]
    x, y, z = (max(round(factor * size), min(size, MIN_SIDE)) for factor, size in zip(factors, shape, strict=True))
    return x, y, z


def resample(volume: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Resample a volume, by means of voxels where it shrinks and linearly where it grows.

    Args:
        volume: `(B, C, X, Y, Z)`.
        shape: voxels along X, Y and Z; the volume shrinks along all of them or grows along all of them.

    Returns:
        `(B, C, *shape)`; the volume itself where it has that shape already.
    """
    if tuple(volume.shape[2:]) == tuple(shape):
        return volume
    shrinks = all(after <= before for after, before in zip(shape, volume.shape[2:], strict=True))
    return F.interpolate(volume, size=tuple(shape), mode="area" if shrinks else "trilinear")  # (B, C, *shape)


def add_resampled(total: torch.Tensor, logits: torch.Tensor) -> None:
    """Add logits of other voxels to `total`, in place.

    One class at a time takes less memory than all at once.

    Args:
        total: `(B, K, X, Y, Z)`.
        logits: `(B, K, ...)`.
    """
    for index in range(total.shape[1]):
        total[:, index : index + 1] += resample(logits[:, index : index + 1], total.shape[2:])
        return_freed_memory()  # glibc finds a freed block of the very same size unfit for the next class
