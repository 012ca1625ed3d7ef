"""What the network makes of a block: how unsure it is of it, and what the block looks like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scripts.core import Box, voxel_size
from scripts.transforms import voxel_features

LEAST = (
    1e-3  # probability that a voxel counts as having of either class, so that a block without vessel has a mean, too
)

Voxels = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Described:
    """A block as the network sees it.

    Attributes:
        box: where it lies.
        place: `(3,)`, its centre, in millimetres or whatever its volume's affine is in.
        uncertainty: how much it is unsure of, at least 0.
        features: `(F,)`, what vessel looks like in it, what the rest does, and how much of it is vessel.
    """

    box: Box
    place: npt.NDArray[np.float64]
    uncertainty: float
    features: npt.NDArray[np.float64]


def describe(box: Box, image: Voxels, probability: Voxels, spread: Voxels, affine: np.ndarray) -> Described:
    """Describe a block by its image and by what the network finds in it.

    It is unsure where its views of the block, turned and mirrored, differ: their standard deviation is averaged over
    the block, so that a region counts and no voxel. The features are the mean of `scripts.transforms.voxel_features`
    over vessel and over the rest, each voxel weighing as the network finds it likely, and the share of vessel.

    Args:
        box: where it lies.
        image: `(x, y, z)`, scaled to [0, 1] as in the whole volume.
        probability: `(x, y, z)`, of vessel.
        spread: `(x, y, z)`, the standard deviation of the views' probabilities.
        affine: 4x4 of the volume.
    """
    spacing = voxel_size(affine)
    of_voxels = voxel_features(image, spacing / spacing.min()).reshape(-1, image.size)  # (F, voxels)
    vessel = probability.reshape(-1).astype(np.float64).clip(LEAST, 1 - LEAST)
    means = [np.average(of_voxels, axis=1, weights=weights) for weights in (vessel, 1 - vessel)]
    place = spacing * [(start + stop) / 2 for start, stop in box]
    return Described(box, place, float(spread.mean()), np.concatenate([*means, [float(probability.mean())]]))
