"""How intensity changes around each voxel: slopes, and curvatures of lines.

Derivatives are central differences of a blurred volume, in units of its finest voxels, so that a line looks the same
along and across thick slices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Volume = npt.NDArray[np.float32]

PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Axes of the second derivatives, in the order that `eigenvalues` takes them."""
LEAST_SIGMA = 0.2  # voxels; the next voxel's weight is below 0.00001
TRUNCATE = 3  # standard deviations after which the Gaussian ends


def blur(volume: Volume, sigma: float, steps: npt.NDArray[np.floating]) -> Volume:
    """Return a volume blurred by a Gaussian, as far in length along each axis.

    Args:
        volume: `(X, Y, Z)`.
        sigma: standard deviation, in voxels of the finest axis.
        steps: `(3,)`, sides of a voxel in units of the finest.
    """
    sigmas = [sigma / step if sigma / step >= LEAST_SIGMA else 0 for step in steps]
    smooth: Volume = ndimage.gaussian_filter(volume, sigmas, truncate=TRUNCATE)
    return smooth


def first_derivative(smooth: Volume, axis: int, steps: Sequence[float]) -> Volume:
    """Return the slope along an axis; 0 along a side of one voxel."""
    if smooth.shape[axis] == 1:
        return np.zeros_like(smooth)
    slope: Volume = np.gradient(smooth, steps[axis], axis=axis)
    return slope


def second_derivative(smooth: Volume, one: int, other: int, steps: Sequence[float]) -> Volume:
    """Return a second derivative by central differences, exactly 0 where nothing changes."""
    if one != other:
        return first_derivative(first_derivative(smooth, one, steps), other, steps)
    moved = np.moveaxis(smooth, one, 0)
    derivative = np.zeros_like(smooth)
    np.moveaxis(derivative, one, 0)[1:-1] = (moved[2:] - 2 * moved[1:-1] + moved[:-2]) / steps[one] ** 2
    return derivative


def eigenvalues(
    xx: Volume, yy: Volume, zz: Volume, xy: Volume, xz: Volume, yz: Volume
) -> tuple[Volume, Volume, Volume]:
    """Return the eigenvalues of symmetric matrices in closed form (Smith 1961), ascending."""
    mean = (xx + yy + zz) / 3
    off = xy**2 + xz**2 + yz**2
    size = np.sqrt(((xx - mean) ** 2 + (yy - mean) ** 2 + (zz - mean) ** 2 + 2 * off) / 6)
    size = np.maximum(size, np.finfo(np.float32).tiny)
    a, b, c, d, e, f = ((each / size) for each in (xx - mean, yy - mean, zz - mean, xy, xz, yz))
    half = (a * (b * c - f * f) - d * (d * c - f * e) + e * (d * f - b * e)) / 2
    angle = np.arccos(np.clip(half, -1, 1)) / 3
    most, least = np.cos(angle), np.cos(angle + 2 * np.pi / 3)
    return mean + 2 * size * least, mean - 2 * size * (most + least), mean + 2 * size * most


SIGMAS = (0.5, 1.0, 2.0, 4.0)
OF_SIGMA = 5
FEATURES = OF_SIGMA * len(SIGMAS)
"""How many numbers describe a voxel."""
BLURRED = OF_SIGMA * SIGMAS.index(1.0)
"""Which of them is the intensity, blurred by one voxel."""
REACH_OF_FEATURES = int(TRUNCATE * max(SIGMAS) + 0.5) + 2
"""Voxels around a voxel, along each axis, on which its features depend."""


def voxel_features(
    volume: Volume, steps: npt.NDArray[np.floating], inner: tuple[slice, ...] = (slice(None),) * 3
) -> npt.NDArray[np.float32]:
    """Describe each voxel by its surroundings, as pixel classifiers do (ilastik, Weka).

    At each of four scales these are the blurred intensity, the length of its gradient and the three eigenvalues of its
    Hessian, ascending.

    Args:
        volume: `(X, Y, Z)`.
        steps: `(3,)`, sides of a voxel in units of the finest; across thick slices the Gaussian is as much narrower.
        inner: the voxels that are wanted; those around them, up to `REACH_OF_FEATURES`, make a difference to them.

    Returns:
        `(FEATURES, X, Y, Z)` of the inner voxels.
    """
    features = np.empty((FEATURES, *volume[inner].shape), dtype=np.float32)
    for number, sigma in enumerate(SIGMAS):
        smooth = blur(volume, sigma, steps)
        first = OF_SIGMA * number
        features[first] = smooth[inner]
        slopes = (first_derivative(smooth, axis, steps)[inner] for axis in range(3))
        features[first + 1] = np.sqrt(sum(slope**2 for slope in slopes))
        features[first + 2 : first + 5] = eigenvalues(
            *(second_derivative(smooth, *each, steps)[inner] for each in PAIRS)
        )
    return features
