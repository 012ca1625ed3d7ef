"""What is done to volumes before anyone segments them, such as filtering and compression."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import fft, ndimage

from .random_fields import blurred, log_uniform

BLOCK = 8  # voxels along each side of what JPEG compresses at once


def _smoothed(rng: np.random.Generator, image: np.ndarray, anisotropy: float) -> np.ndarray:
    """Blur with a Gaussian, in plane or in space."""
    sigma = rng.uniform(0.4, 1.2)
    return blurred(image, (sigma, sigma, sigma / max(anisotropy, 1) if rng.random() < 0.5 else 0.0))


def _median(rng: np.random.Generator, image: np.ndarray, anisotropy: float) -> np.ndarray:
    """Take the median of 3×3 voxels, or of 3×3×3."""
    return ndimage.median_filter(image, (3, 3, 3 if anisotropy < 1.5 and rng.random() < 0.5 else 1), mode="nearest")


def _sharpened(rng: np.random.Generator, image: np.ndarray, anisotropy: float) -> np.ndarray:
    """Add what a blur takes away (unsharp mask)."""
    sigma = rng.uniform(0.8, 2.0)
    return image + rng.uniform(0.3, 1.5) * (image - blurred(image, (sigma, sigma, sigma / max(anisotropy, 1))))


def _without_background(rng: np.random.Generator, image: np.ndarray, anisotropy: float) -> np.ndarray:
    """Subtract what is left after a wide blur, and cut off below 0."""
    sigma = log_uniform(rng, 8.0, 30.0)
    return np.maximum(image - rng.uniform(0.5, 1.0) * blurred(image, (sigma, sigma, sigma / max(anisotropy, 1))), 0)


def _resampled(rng: np.random.Generator, image: np.ndarray, anisotropy: float) -> np.ndarray:
    """Reduce to fewer voxels and enlarge again, in plane or in space."""
    factor = rng.uniform(0.5, 0.9)
    order = int(rng.integers(2))
    deep = anisotropy < 1.5 and rng.random() < 0.5
    small = [max(2, round(n * factor)) if axis < 2 or deep else n for axis, n in enumerate(image.shape)]
    return _to_shape(_to_shape(image, small, 1), image.shape, order)


def _to_shape(image: np.ndarray, shape: list[int] | tuple[int, ...], order: int) -> np.ndarray:
    zoom = [n / old for n, old in zip(shape, image.shape, strict=True)]
    return ndimage.zoom(image, zoom, order=order, mode="nearest", grid_mode=True)  # (X', Y', Z')


def _slices_evened(rng: np.random.Generator, image: np.ndarray, anisotropy: float) -> np.ndarray:
    """Stretch every slice between percentiles of its own, as scripts that go through slices do."""
    tail = rng.uniform(0.05, 1.0)
    low, high = np.percentile(image, [tail, 100 - tail], axis=(0, 1), keepdims=True)  # (1, 1, Z)
    return np.clip((image - low) / np.maximum(high - low, 1e-6), 0, 1)


def _contrast_evened(rng: np.random.Generator, image: np.ndarray, anisotropy: float) -> np.ndarray:
    """Divide by how much intensities vary round about, so that dim regions show, too."""
    sigma = log_uniform(rng, 8.0, 25.0)
    wide = (sigma, sigma, sigma / max(anisotropy, 1))
    mean = blurred(image, wide)
    spread = np.sqrt(np.maximum(blurred((image - mean) ** 2, wide), 0))
    return np.clip((image - mean) / (spread + 0.3 * spread.mean() + 1e-6), -2, 4) + 2


def _compressed(rng: np.random.Generator, image: np.ndarray, anisotropy: float) -> np.ndarray:
    """Round the cosine transform of 8×8 blocks, the finer waves more so, as JPEG does."""
    pad = [(0, -n % BLOCK) if axis < 2 else (0, 0) for axis, n in enumerate(image.shape)]
    x, y, z = (padded := np.pad(image, pad, mode="edge")).shape  # (X', Y', Z)
    blocks = padded.reshape(x // BLOCK, BLOCK, y // BLOCK, BLOCK, z)
    waves = fft.dctn(blocks, axes=(1, 3), norm="ortho")
    fineness = np.arange(BLOCK)[:, None] + np.arange(BLOCK)[None, :]
    step = log_uniform(rng, 0.01, 0.08) * max(float(np.ptp(image)), 1e-6) * (1 + 0.5 * fineness)[None, :, None, :, None]
    rounded = fft.idctn(np.rint(waves / step) * step, axes=(1, 3), norm="ortho")
    return rounded.reshape(x, y, z)[: image.shape[0], : image.shape[1]]  # (X, Y, Z)


PROCESSING: dict[str, Callable[[np.random.Generator, np.ndarray, float], np.ndarray]] = {
    "smoothed": _smoothed,
    "median": _median,
    "sharpened": _sharpened,
    "without_background": _without_background,
    "resampled": _resampled,
    "slices_evened": _slices_evened,
    "contrast_evened": _contrast_evened,
    "compressed": _compressed,
}
"""What can be done to a volume, by name."""


def processed(rng: np.random.Generator, image: np.ndarray, anisotropy: float, steps: tuple[str, ...]) -> np.ndarray:
    """Return an image as it looks after such steps, in the same range of intensities.

    Args:
        rng: random generator for how strong each step is.
        image: float32 (X, Y, Z), as the detector gave it.
        anisotropy: how deep a voxel is, divided by how wide.
        steps: names of `PROCESSING`, in order.

    Returns:
        float32 (X, Y, Z).
    """
    low, high = float(image.min()), float(image.max())
    done = image
    for step in steps:
        done = PROCESSING[step](rng, done, anisotropy)
    if steps:
        done = low + (high - low) * (done - done.min()) / max(float(np.ptp(done)), 1e-6)
    return done.astype(np.float32)
