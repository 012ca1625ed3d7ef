"""Vessels cut out of real masks: a block of one, turned, bent, resized and made thicker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from .random_fields import log_uniform, smooth_field

MAX_TRIES = 8
MIN_FRACTION = 0.004  # share of a block that is vessel
RADII = (0.9, 3.5)
"""Between these the mean radius of the vessels of a block is drawn, in in-plane voxels."""

ZOOMS = (0.3, 2.5)
BEND_REACH = 24.0  # voxels of the block over which a bend changes


def block_of_mask(
    rng: np.random.Generator, masks: Sequence[np.ndarray], shape: Sequence[int], anisotropy: float, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a block out of one of the masks.

    Args:
        rng: random generator for every draw.
        masks: (X, Y, Z) arrays, vessel where not 0, whose voxels are as deep as wide. One that is too small for the
            block goes on as its mirror image.
        shape: voxels of the block along X, Y, Z.
        anisotropy: how deep a voxel of the block is, divided by how wide.
        spread: standard deviation of the vessels' log brightness, which varies slowly over the block.

    Returns:
        Depth and brightness, as `rasterise` returns them.
    """
    mask = masks[int(rng.integers(len(masks)))]
    # voxels of the block for each voxel of the mask, in plane: thin vessels are what there is most to learn from
    zoom = float(np.clip(log_uniform(rng, *RADII) / mean_radius(mask), *ZOOMS))
    offsets = _turned(rng, _grid(shape, anisotropy) + _bend(rng, shape)) / zoom  # (3, X, Y, Z)
    for _ in range(MAX_TRIES):  # the corners of a mask can be empty
        points = offsets + (rng.uniform(0.1, 0.9, 3) * mask.shape)[:, None, None, None]
        points = np.stack([_mirrored(axis, n) for axis, n in zip(points, mask.shape, strict=True)])
        low = [int(axis.min()) for axis in points]
        cut = mask[tuple(slice(a, int(axis.max()) + 2) for a, axis in zip(low, points, strict=True))] != 0
        points -= np.array(low, np.float32)[:, None, None, None]
        seen = ndimage.map_coordinates(cut.view(np.uint8), points[:, ::2, ::2, ::2], order=0)
        if seen.mean() > MIN_FRACTION:
            break
    coarser = max(1, round(0.9 / zoom))
    cut, points = _pooled(cut, coarser), (points - (coarser - 1) / 2) / coarser
    filled = ndimage.map_coordinates(cut, points, order=1, mode="nearest")  # (X, Y, Z), share of each voxel
    if rng.random() < 0.3:
        filled = ndimage.maximum_filter(filled, 3)  # all vessels a voxel wider
    depth = _depth(filled - rng.uniform(0.3, 0.55), max(zoom * coarser, 1.0), anisotropy)
    brightness = np.exp(spread * np.clip(smooth_field(rng, shape, [max(n / 3, 6) for n in shape]), -1.7, 1.5))
    return depth, np.where(depth > -1, brightness, 0).astype(np.float32)


def mean_radius(mask: np.ndarray) -> float:
    """Return about how wide the vessels of a mask (X, Y, Z) are, in voxels.

    It is twice their volume over their surface. The faces of voxels sum up to 1.5 times the surface where vessels head
    every way alike.
    """
    inside = mask != 0
    faces = sum(np.count_nonzero(np.diff(inside.view(np.int8), axis=axis)) for axis in range(3))
    return 3 * np.count_nonzero(inside) / max(faces, 1)


def _pooled(mask: np.ndarray, factor: int) -> np.ndarray:
    """Return how full voxels `factor` times as wide are: float32 (X / f, Y / f, Z / f)."""
    if factor == 1:
        return mask.astype(np.float32)
    whole = np.pad(mask, [(0, -n % factor) for n in mask.shape], mode="edge")
    x, y, z = (n // factor for n in whole.shape)
    return whole.reshape(x, factor, y, factor, z, factor).mean((1, 3, 5), dtype=np.float32)


def _grid(shape: Sequence[int], anisotropy: float) -> np.ndarray:
    """Return how far the voxels of a block lie from its middle: float32 (3, X, Y, Z)."""
    axes = [
        ((np.arange(n) - (n - 1) / 2) * step).astype(np.float32)
        for n, step in zip(shape, (1, 1, anisotropy), strict=True)
    ]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def _bend(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Draw how far each place of a block is displaced, in in-plane voxels.

    Half of all blocks stay as they are.

    Returns:
        float32 (3, X, Y, Z), or (3, 1, 1, 1) of zeros.
    """
    most = log_uniform(rng, 0.5, 5.0)
    if rng.random() < 0.5:
        return np.zeros((3, 1, 1, 1), np.float32)
    return np.stack([most / 2 * smooth_field(rng, shape, [BEND_REACH] * 3) for _ in range(3)])


def _turned(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """Return points (3, X, Y, Z) turned about the origin.

    In half of all blocks any way round, else by quarter turns and reflections, which keep a mask's own up and down or
    lay it on its side.
    """
    if rng.random() < 0.5:
        matrix = Rotation.random(random_state=np.random.RandomState(rng.integers(2**32))).as_matrix()
    else:
        matrix = np.eye(3)[rng.permutation(3)] * rng.choice([-1, 1], 3)
    # einsum's own loops and not BLAS: the same bytes at any number of threads
    return np.einsum("ij,j...->i...", matrix.astype(np.float32), points)


def _mirrored(axis: np.ndarray, length: int) -> np.ndarray:
    """Return coordinates in a row of mirror images as those in the first, below `length`."""
    period = max(2 * (length - 1), 1)
    there = np.mod(axis, period)
    return np.minimum(there, period - there).astype(np.float32)


def _depth(above: np.ndarray, ramp: float, anisotropy: float) -> np.ndarray:
    """Return how deep voxels lie below the surface, in in-plane voxels, -1 where none is near.

    Distances between voxels alone would leave steps: what the surface voxels are filled by says how it runs in them.

    Args:
        above: (X, Y, Z), by how much more than at the surface each voxel is filled.
        ramp: over how many voxels the filling goes from none to all.
        anisotropy: how deep a voxel is, divided by how wide.

    Returns:
        float32 (X, Y, Z), as `rasterise` returns it.
    """
    inside = above >= 0
    whole = ndimage.distance_transform_edt(inside, sampling=(1, 1, anisotropy))
    deep = np.maximum(whole - 1, 0) + np.clip(ramp * above, 0, 0.5)
    near = ndimage.binary_dilation(inside, ndimage.generate_binary_structure(3, 1))
    return np.where(inside, deep, np.where(near, np.clip(ramp * above, -1, 0), -1)).astype(np.float32)
