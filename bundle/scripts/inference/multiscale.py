"""Vessels much wider than the network's window: the option `scale`, at which sizes the network sees an image.

A patch inside a stem of 60 voxels looks like any bright region. Shrunk to a quarter, the stem is 15 voxels across and
has walls and a fingerprint. Logits are brought back to the image's own voxels and averaged, as those of windows are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from monai.data import MetaTensor
from torch.nn import functional as F

from scripts.core import foreground_log_odds, return_freed_memory, through_plane_axis, voxel_size

AUTO = "auto"
COARSER = (0.5, 0.25)  # what `auto` adds to the image's own size, descending
MIN_SIDE = 16  # no axis is shrunk to fewer voxels, so that a stack of 15 slices keeps them
MAJORITY = 0.5


def bare(image: torch.Tensor) -> torch.Tensor:
    """Return an image without its metadata, in the same memory."""
    return image.as_tensor() if isinstance(image, MetaTensor) else image


def like(image: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Give `values`, which lie on the voxels of `image`, its metadata, if it has any."""
    return MetaTensor(values).copy_meta_from(image, copy_attr=False) if isinstance(image, MetaTensor) else values


def affine_of(image: torch.Tensor) -> np.ndarray:
    """Return the 4x4 affine of an image or of the first of a batch; the identity where none is known."""
    affine = image.affine if isinstance(image, MetaTensor) else np.eye(4)
    return np.asarray(affine, dtype=float).reshape(-1, 4, 4)[0]


def shape_at(scale: float, shape: Sequence[int], affine: np.ndarray) -> tuple[int, ...]:
    """Return how many voxels an image has at a scale.

    An axis shrinks by `scale`. One whose voxels are coarser than those in plane shrinks less, to the voxel size that
    these then have, or not at all where it is coarser still; and none is left with fewer than `MIN_SIDE` voxels,
    or fewer than it has. Enlarging keeps proportions.

    Args:
        scale: voxels after over voxels before, along the finer of the in-plane axes.
        shape: (X, Y, Z).
        affine: 4x4, of which only the proportions of its voxel sizes matter.
    """
    if scale >= 1:
        return tuple(round(scale * size) for size in shape)
    spacing, across = voxel_size(affine), through_plane_axis(affine)
    in_plane = min(spacing[axis] for axis in range(3) if axis != across)
    factors = [min(1.0, scale * max(1.0, side / in_plane)) for side in spacing]
    return tuple(max(round(factor * size), min(size, MIN_SIDE)) for factor, size in zip(factors, shape, strict=True))


def resample(volume: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Bring a volume to other voxels of the same field of view: means of voxels where it shrinks, else trilinear.

    Args:
        volume: `(B, C, X, Y, Z)`.
        shape: along X, Y and Z, all at most, or all at least, what the volume has.

    Returns:
        `(B, C, *shape)`, the volume itself where it has that shape.
    """
    if tuple(volume.shape[2:]) == tuple(shape):
        return volume
    shrinks = all(after <= before for after, before in zip(shape, volume.shape[2:], strict=True))
    return F.interpolate(volume, size=tuple(shape), mode="area" if shrinks else "trilinear")


def add_resampled(total: torch.Tensor, logits: torch.Tensor) -> None:
    """Add logits of other voxels to `total` in place, class by class: less memory than all at once.

    Args:
        total: `(B, K, X, Y, Z)`.
        logits: `(B, K, ...)`.
    """
    for index in range(total.shape[1]):
        total[:, index : index + 1] += resample(logits[:, index : index + 1], total.shape[2:])
        return_freed_memory()  # a block of the very same size is not found fit for the next class


def share_resolved(logits: torch.Tensor, shape: Sequence[int]) -> float:
    """How much of the vessel would still be vessel and nothing else in the voxels of a shrunken image.

    Args:
        logits: `(B, K, X, Y, Z)`, background first.
        shape: of the shrunken image.

    Returns:
        The share of the voxels likelier vessel than not that lie in shrunken voxels with no others in them; 0 where
        there are none.
    """
    vessel = foreground_log_odds(logits.detach().movedim(1, 0)).gt_(0)  # (B, X, Y, Z), 0 or 1, in one volume's memory
    filled = resample(vessel[:, None], shape)  # (B, 1, *shape), 1 where all voxels are vessel
    within = filled[filled > 1 - 1e-4].sum(dtype=torch.float64)
    return float(within / filled.sum(dtype=torch.float64).clamp_min(1e-12))


def coarser_shapes(logits: torch.Tensor, affine: np.ndarray) -> list[tuple[int, ...]]:
    """Decide for `auto` at which further sizes the network sees an image: at all of `COARSER`, or at none.

    They count where the majority of the vessel that is found at the image's own size is still resolved at the smallest
    of them, which takes vessels about 16 voxels wide. Where vessels are thinner nothing changes, nor for an image with
    fewer than 64 voxels in plane, which would be cut short at `MIN_SIDE`; one window holds it anyway.

    Args:
        logits: `(B, K, X, Y, Z)`, found at the image's own size.
        affine: 4x4.

    Returns:
        Shapes, descending, all smaller than the image.
    """
    own, across = tuple(logits.shape[2:]), through_plane_axis(affine)
    if COARSER[-1] * min(size for axis, size in enumerate(own) if axis != across) < MIN_SIDE:
        return []
    shapes = [shape_at(scale, own, affine) for scale in COARSER]
    return shapes if share_resolved(logits, shapes[-1]) >= MAJORITY else []
