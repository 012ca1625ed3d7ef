"""Smooth class probabilities by a Gaussian, in their own memory, less across thick slices."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import ceil, exp
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from torch.nn import functional as F

from scripts.core import voxel_size

SLAB = 1 << 20  # voxels at a time

LOWEST = float(np.finfo(np.float32).tiny)  # whose logarithm is finite
REACH_OF_SMOOTHING = 4  # standard deviations after which the Gaussian ends; what is cut off weighs 0.00006
MIN_SIGMA = 0.2  # voxels; the next voxel's weight is below 0.00001


def sigma_of_axes(sigma: float, affine: np.ndarray) -> tuple[float, float, float]:
    """Return the Gaussian's standard deviation along X, Y and Z, in voxels of each.

    It is `sigma` along the axis of the finest voxels and as long, in millimetres, along the others: of 0.7 voxels in
    slices that are five times as far apart as voxels are in plane, 0.14 are left across, which is nothing. Where a file
    states no voxel size, all three are alike.

    Args:
        sigma: in voxels of the finest axis.
        affine: 4x4; only the proportions of its voxel sizes matter.
    """
    spacing = voxel_size(affine)
    x, y, z = (float(sigma * spacing.min() / side) for side in spacing)
    return x, y, z


def smooth_in_place(volume: torch.Tensor, sigmas: tuple[float, float, float]) -> torch.Tensor:
    """Smooth every channel of a volume by a Gaussian, in the same memory.

    Beyond its borders the volume goes on as its outermost voxels are, so that what is constant stays so.

    Args:
        volume: `(C, X, Y, Z)`, floats.
        sigmas: standard deviation along X, Y and Z, in voxels; below 0.2 an axis is left as it is.

    Returns:
        The same tensor.
    """
    bare = volume.as_tensor() if isinstance(volume, MetaTensor) else volume
    for axis, sigma in enumerate(sigmas, start=1):
        if sigma < MIN_SIGMA or bare.shape[axis] == 1:
            continue
        weights = _weights(sigma, bare.shape[axis] - 1)
        across = 2 if axis == 1 else 1  # lines along `axis` lie whole in slabs along another
        planes = max(1, SLAB * bare.shape[across] // max(1, bare.numel()))
        for slab in bare.split(planes, dim=across):
            slab.copy_(_along(slab, axis, weights))
    return volume


class SmoothProbabilityd(MapTransform):
    """Smooth class probabilities in the same memory (`sigma_of_axes`).

    What is likely vessel for one voxel only, as noise is, falls below the threshold, and what most of its neighbours
    are fills small gaps.

    Args:
        keys: of probabilities `(K, X, Y, Z)`, with their affine if they are `MetaTensor`s; else the image's counts.
        sigma: standard deviation of the Gaussian, in voxels of the finest axis; 0 leaves everything as it is.
        image_key: of an image on the same grid.
    """

    def __init__(self, keys: KeysCollection, sigma: float = 0.0, image_key: str = "image") -> None:
        super().__init__(keys)
        self.sigma = sigma
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Smooth each."""
        d = dict(data)
        for key in self.key_iterator(d):
            if self.sigma:
                affine = affine_of(d[key], d.get(self.image_key))
                smooth_in_place(d[key], sigma_of_axes(self.sigma, affine))
        return d


class SmoothLogitsd(SmoothProbabilityd):
    """Replace logits by those of the smoothed probabilities, to rank voxels by them.

    Args:
        keys: of logits `(K, X, Y, Z)`; the tensors themselves are not changed.
        sigma: see `SmoothProbabilityd`.
        image_key: see there.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Smooth each, or return the data as they are."""
        if not self.sigma:
            return dict(data)
        d = dict(data)
        for key in self.key_iterator(d):
            affine = affine_of(d[key], d.get(self.image_key))
            probability = torch.as_tensor(d[key]).float().softmax(dim=0)  # (K, X, Y, Z)
            smooth_in_place(probability, sigma_of_axes(self.sigma, affine))
            d[key] = logits_of(probability)  # (K, X, Y, Z)
        return d


def logits_of(probability: torch.Tensor) -> torch.Tensor:
    """Turn probabilities into logits of the same, in their own memory."""
    return probability.clamp_min_(LOWEST).log_()


def affine_of(*arrays: Any) -> np.ndarray:
    """Return the 4x4 affine of the first array that has one; the identity if none has."""
    for array in arrays:
        if isinstance(array, MetaTensor):
            return np.asarray(array.affine, dtype=float).reshape(-1, 4, 4)[0]
    return np.eye(4)


def _weights(sigma: float, longest: int) -> list[float]:
    """Return the weight of a voxel itself, of its neighbours on either side, and so on."""
    reach = min(ceil(REACH_OF_SMOOTHING * sigma), longest)
    bell = [exp(-0.5 * (distance / sigma) ** 2) for distance in range(reach + 1)]
    total = bell[0] + 2 * sum(bell[1:])
    return [each / total for each in bell]


def _along(slab: torch.Tensor, axis: int, weights: list[float]) -> torch.Tensor:
    """Return a slab `(C, X, Y, Z)` smoothed along one axis."""
    reach, size = len(weights) - 1, slab.shape[axis]
    pairs = [0] * 6
    pairs[2 * (3 - axis)] = pairs[2 * (3 - axis) + 1] = reach  # F.pad counts from the last axis
    padded = F.pad(slab, pairs, mode="replicate")
    smooth = padded.narrow(axis, reach, size) * weights[0]
    for distance, weight in enumerate(weights[1:], start=1):
        smooth.add_(padded.narrow(axis, reach - distance, size), alpha=weight)
        smooth.add_(padded.narrow(axis, reach + distance, size), alpha=weight)
    return smooth
