"""What finds vessels without a network: a blur or a ridge filter and a threshold, and the best threshold there is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from monai.data import MetaTensor
from skimage.filters import gaussian, sato, threshold_li, threshold_otsu, threshold_triangle

from scripts.core import through_plane_axis, voxel_size
from scripts.io import read_volume
from scripts.transforms import sigma_of_axes

Found = tuple[np.ndarray, float]
"""An image in which vessels are bright, `(X, Y, Z)`, and its threshold."""

SIGMAS = (1.0, 2.0, 3.0)  # of the ridges, in voxels in plane
THICK = 2.0  # slices so many times as thick as voxels are wide are looked at one by one


def blurred(image: MetaTensor) -> np.ndarray:
    """Return an image `(1, X, Y, Z)` blurred by one voxel of its finest axis, and as far in length along the others."""
    return gaussian(np.asarray(image[0], dtype=np.float32), sigma_of_axes(1.0, _affine(image)))  # (X, Y, Z)


def ridges(image: MetaTensor) -> np.ndarray:
    """Return how much an image `(1, X, Y, Z)` looks like a bright line (Sato et al. 1998), slice by slice if thick."""
    voxels, affine = np.asarray(image[0], dtype=np.float32), _affine(image)  # (X, Y, Z)
    across, spacing = through_plane_axis(affine), voxel_size(affine)
    if spacing[across] < THICK * spacing.min():
        return sato(voxels, SIGMAS, black_ridges=False)
    slices = [sato(each, SIGMAS, black_ridges=False) for each in np.moveaxis(voxels, across, 0)]
    return np.stack(slices, axis=across)  # (X, Y, Z)


def _affine(image: MetaTensor) -> np.ndarray:
    return np.asarray(image.affine, dtype=float)


def _with(threshold: Callable[[np.ndarray], float], image: np.ndarray) -> Found:
    return image, float(threshold(image))


BASELINES: dict[str, Callable[[MetaTensor], Found]] = {
    "blur 1, Li": lambda image: _with(threshold_li, blurred(image)),
    "blur 1, triangle": lambda image: _with(threshold_triangle, blurred(image)),
    "Sato, Otsu": lambda image: _with(threshold_otsu, ridges(image)),
}
"""By name; each takes an image between 0 and 1 in which vessels are bright, `(1, X, Y, Z)`, with its affine."""


def best_threshold_dice(volume: Mapping[str, Any], unlabelled_value: float | None = None) -> float:
    """Return the highest Dice that a threshold on intensity can reach; NaN without vessel.

    All distinct intensities are tried, and the label decides: no method that does not know it finds this threshold but
    by luck.

    Args:
        volume: with paths `image` and `label`.
        unlabelled_value: a value of the label that means *not labelled*; negative values always do.
    """
    intensity, label = (read_volume(volume[key])[1] for key in ("image", "label"))  # (X, Y, Z) each
    labelled = (label >= 0) & (label != unlabelled_value)  # (X, Y, Z)
    intensity, vessel = intensity[labelled], label[labelled] > 0  # (N,), (N,)
    if not vessel.any():
        return math.nan
    values, place = np.unique(intensity, return_inverse=True)  # (V,) ascending, (N,)
    predicted, hit = (np.bincount(each, minlength=len(values))[::-1].cumsum() for each in (place, place[vessel]))
    return float((2 * hit / (predicted + np.count_nonzero(vessel))).max())
