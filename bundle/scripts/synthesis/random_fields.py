"""Random numbers and random fields that the rest is drawn from: log-uniform, smooth, grainy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform: as many small ones as large ones."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def sometimes(rng: np.random.Generator, chance: float, value: float) -> float:
    """Return `value` with this chance, else 0; one number is drawn either way."""
    return float(value) if rng.random() < chance else 0.0


def smooth_field(rng: np.random.Generator, shape: Sequence[int], scale: Sequence[float]) -> np.ndarray:
    """Draw a field of zero mean and unit variance that varies slowly.

    It is a sum of Gaussian bumps on a coarse grid, normalised so that the variance is 1 everywhere, borders included.

    Args:
        rng: random generator for every draw.
        shape: voxels along X, Y, Z.
        scale: distance of neighbouring bumps along each axis, in voxels.

    Returns:
        float32 (X, Y, Z).
    """
    bases = []
    for n, s in zip(shape, scale, strict=True):
        knots = np.arange(-s, n + 2 * s, s)
        basis = np.exp(-0.5 * ((np.arange(n)[:, None] - knots) / (0.8 * s)) ** 2)  # (n, knots)
        bases.append((basis / np.linalg.norm(basis, axis=1, keepdims=True)).astype(np.float32))
    field = rng.standard_normal([b.shape[1] for b in bases], dtype=np.float32)  # (knots, knots, knots)
    # einsum's own loops and not BLAS: the same bytes at any number of threads
    for axis, basis in enumerate(bases):
        field = np.moveaxis(np.einsum("nk,k...->n...", basis, np.moveaxis(field, axis, 0)), 0, axis)
    return np.ascontiguousarray(field)  # (X, Y, Z)


def blurred(volume: np.ndarray, sigma: Sequence[float]) -> np.ndarray:
    """Return `volume` (X, Y, Z) blurred with a Gaussian of `sigma` voxels along each axis."""
    return ndimage.gaussian_filter(volume, sigma, mode="nearest", truncate=3.0)


def grain(rng: np.random.Generator, shape: Sequence[int], sigma: Sequence[float]) -> np.ndarray:
    """Draw Gaussian noise of unit variance, white or blurred.

    Args:
        rng: random generator for every draw.
        shape: voxels along X, Y, Z.
        sigma: of the blur along each axis, in voxels; at 0.2 and below the noise stays white.

    Returns:
        float32 (X, Y, Z).
    """
    noise = rng.standard_normal(tuple(shape), dtype=np.float32)
    if max(sigma) > 0.2:
        noise = blurred(noise, sigma)
    return noise / noise.std()
