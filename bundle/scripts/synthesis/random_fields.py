"""Random fields: smooth ones and grainy ones."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage


def smooth_field(rng: np.random.Generator, shape: Sequence[int], scale: Sequence[float]) -> np.ndarray:
    """float32 field of zero mean and unit variance that varies over `scale` voxels along each axis.

    Gaussian bumps on a coarse grid, normalised so that the variance is exactly 1 everywhere, borders included.
    """
    bases = []
    for n, s in zip(shape, scale, strict=True):
        knots = np.arange(-s, n + 2 * s, s)
        basis = np.exp(-0.5 * ((np.arange(n)[:, None] - knots) / (0.8 * s)) ** 2)
        bases.append((basis / np.linalg.norm(basis, axis=1, keepdims=True)).astype(np.float32))
    field = rng.standard_normal([b.shape[1] for b in bases], dtype=np.float32)
    # einsum's own loops, not BLAS: the same bytes whatever the number of threads.
    for axis, basis in enumerate(bases):
        field = np.moveaxis(np.einsum("nk,k...->n...", basis, np.moveaxis(field, axis, 0)), 0, axis)
    return np.ascontiguousarray(field)


def blurred(volume: np.ndarray, sigma: Sequence[float]) -> np.ndarray:
    """Gaussian blur, `sigma` voxels along each axis."""
    return ndimage.gaussian_filter(volume, sigma, mode="nearest", truncate=3.0)


def grain(rng: np.random.Generator, shape: Sequence[int], sigma: Sequence[float]) -> np.ndarray:
    """float32 unit-variance noise, correlated over `sigma` voxels along each axis."""
    noise = rng.standard_normal(tuple(shape), dtype=np.float32)
    if max(sigma) > 0.2:
        noise = blurred(noise, sigma)
    return noise / noise.std()
