"""Vessels cut out of real masks: a block of one, turned, mirrored and resized."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from .random_fields import log_uniform, smooth_field

MAX_TRIES = 8
MIN_FRACTION = 0.002  # share of a block that is vessel


def block_of_mask(
    rng: np.random.Generator, masks: Sequence[np.ndarray], shape: Sequence[int], anisotropy: float, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a block out of one of the masks.

    Args:
        rng: random generator for every draw.
        masks: (X, Y, Z) arrays, vessel where not 0, whose voxels are as deep as wide.
        shape: voxels of the block along X, Y, Z.
        anisotropy: how deep a voxel of the block is, divided by how wide.
        spread: standard deviation of the vessels' log brightness, which varies slowly over the block.

    Returns:
        Depth and brightness, as `rasterise` returns them.
    """
    mask = masks[int(rng.integers(len(masks)))]
    zoom = log_uniform(rng, 0.7, 2.5)  # voxels of the block for each voxel of the mask, in plane
    turned = mask.transpose(rng.permutation(3))
    turned = turned[tuple(slice(None, None, int(rng.choice([-1, 1]))) for _ in range(3))]
    span = np.array(shape, float) * (1, 1, anisotropy)
    # a mask that is too small for the block is magnified more
    zoom = max(zoom, float((span / np.array(turned.shape)).max()))
    for _ in range(MAX_TRIES):  # the corners of a mask can be empty
        first = rng.uniform(0, 1, 3) * (np.array(turned.shape) - span / zoom)
        grid = [
            (start + np.arange(n) * step / zoom).astype(np.float32)
            for start, n, step in zip(first, shape, (1, 1, anisotropy), strict=True)
        ]
        low = [int(axis[0]) for axis in grid]
        cut = turned[tuple(slice(a, int(axis[-1]) + 2) for a, axis in zip(low, grid, strict=True))] != 0
        if cut.mean() > MIN_FRACTION:
            break
    # the signed distance can be interpolated without steps, the mask itself cannot
    signed = _signed_distance(cut).astype(np.float32)
    points = np.meshgrid(*(axis - a for axis, a in zip(grid, low, strict=True)), indexing="ij")
    depth = zoom * ndimage.map_coordinates(signed, points, order=1, mode="nearest")  # (X, Y, Z)
    depth = np.maximum(depth, -1).astype(np.float32)
    brightness = np.exp(spread * np.clip(smooth_field(rng, shape, [max(n / 3, 6) for n in shape]), -1.7, 1.5))
    return depth, np.where(depth > -1, brightness, 0).astype(np.float32)


def _signed_distance(mask: np.ndarray) -> np.ndarray:
    """Return the distance to the surface of a mask (X, Y, Z), in voxels, positive inside.

    The surface runs half-way between a voxel inside and one outside.
    """
    if not mask.any():
        return np.full(mask.shape, -1.0)
    outside = ndimage.distance_transform_edt(~mask)
    inside = ndimage.distance_transform_edt(mask)
    return np.where(mask, inside - 0.5, 0.5 - outside)
