"""How probabilities become a segmentation, read from the transforms that do it in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

from scripts.core import voxel_size
from scripts.io import VolumeInfo, in_unit
from scripts.transforms import (
    REACH_OF_SMOOTHING,
    SmoothProbabilityd,
    ThresholdVesselsd,
    in_voxels,
    sigma_of_axes,
)


@dataclass(frozen=True)
class Rule:
    """How probabilities become a segmentation.

    Attributes:
        threshold: above which a voxel is vessel.
        hysteresis: lower threshold, down to which what exceeds `threshold` grows; None for none.
        sigmas: standard deviation along X, Y and Z of the Gaussian that smooths probabilities, in voxels.
        holes: enclosed holes of up to so many voxels are filled.
        pieces: pieces of fewer voxels are dropped.
    """

    threshold: float
    hysteresis: float | None = None
    sigmas: tuple[float, float, float] = (0.0, 0.0, 0.0)
    holes: float = 0.0
    pieces: float = 0.0

    @property
    def reach(self) -> tuple[int, int, int]:
        """Voxels around a voxel, along each axis, on which its probability depends."""
        x, y, z = (ceil(REACH_OF_SMOOTHING * sigma) for sigma in self.sigmas)
        return x, y, z


def rule_of(transforms: Sequence[Any], info: VolumeInfo) -> Rule:
    """Return what transforms of logits do to those of a volume.

    Args:
        transforms: `SmoothProbabilityd` and `ThresholdVesselsd` among them.
        info: of the volume, whose voxel size turns volumes into numbers of voxels.
    """
    smooth = next((each.sigma for each in transforms if isinstance(each, SmoothProbabilityd)), 0.0)
    decide = next(each for each in transforms if isinstance(each, ThresholdVesselsd))
    voxel = prod(in_unit(float(side), info.unit) for side in voxel_size(info.affine)) if info.unit else 1.0
    return Rule(
        decide.threshold,
        decide.hysteresis,
        sigma_of_axes(smooth, info.affine),
        in_voxels(decide.fill_holes, voxel),
        in_voxels(decide.min_size, voxel),
    )
