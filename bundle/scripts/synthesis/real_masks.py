"""Real vessel masks as one more source of geometry: a block of one, turned, mirrored and resized."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from .random_fields import smooth_field

TRIES = 8


def block_of_mask(
    rng: np.random.Generator, masks: Sequence[np.ndarray], shape: Sequence[int], anisotropy: float, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a block out of one of the masks.

    Args:
        rng: source of every draw.
        masks: (X, Y, Z) arrays, vessel where not 0, of voxels as wide as deep.
        shape: of the block, voxels along X, Y, Z.
        anisotropy: depth of a voxel over its width.
        spread: standard deviation of the vessels' log brightness, which varies slowly over the block.

    Returns:
        depth and tone as `rasterise` returns them.
    """
    mask = masks[int(rng.integers(len(masks)))]
    zoom = float(np.exp(rng.uniform(np.log(0.7), np.log(2.5))))
    # how many of the mask's voxels a block spans; where the mask is too small for it, it is magnified more
    turned = mask.transpose(rng.permutation(3))
    turned = turned[tuple(slice(None, None, int(rng.choice([-1, 1]))) for _ in range(3))]
    span = np.array(shape, float) * (1, 1, anisotropy)
    zoom = max(zoom, float((span / np.array(turned.shape)).max()))
    for _ in range(TRIES):  # corners of a mask can be empty
        first = rng.uniform(0, 1, 3) * (np.array(turned.shape) - span / zoom)
        grid = [
            (start + np.arange(n) * step / zoom).astype(np.float32)
            for start, n, step in zip(first, shape, (1, 1, anisotropy), strict=True)
        ]
        low = [int(axis[0]) for axis in grid]
        cut = turned[tuple(slice(a, int(axis[-1]) + 2) for a, axis in zip(low, grid, strict=True))] != 0
        if cut.mean() > 0.002:
            break
    # the signed distance interpolates without steps; the mask itself would not
    signed = _signed_distance(cut).astype(np.float32)
    points = np.meshgrid(*(axis - a for axis, a in zip(grid, low, strict=True)), indexing="ij")
    depth = zoom * ndimage.map_coordinates(signed, points, order=1, mode="nearest")
    depth = np.maximum(depth, -1).astype(np.float32)
    tone = np.exp(spread * np.clip(smooth_field(rng, shape, [max(n / 3, 6) for n in shape]), -1.7, 1.5))
    return depth, np.where(depth > -1, tone, 0).astype(np.float32)


def _signed_distance(mask):
    """Distance to the surface, half-way between a voxel within and one without, in voxels; within, positive."""
    if not mask.any():
        return np.full(mask.shape, -1.0)
    outside = ndimage.distance_transform_edt(~mask)
    inside = ndimage.distance_transform_edt(mask)
    return np.where(mask, inside - 0.5, 0.5 - outside)
