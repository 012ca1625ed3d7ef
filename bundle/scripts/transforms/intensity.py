"""Intensity of whole volumes scaled to [0, 1], by minimum and maximum or by percentiles."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from scripts.core import refuse
from scripts.io import name_of

MOST_SORTED = 2**24  # voxels, about a second


class ScaleToUnitd(MapTransform):
    """Scale intensity to [0, 1] over the whole volume: minimum and maximum as in the paper, or percentiles.

    Percentiles that coincide, as where all but a few voxels are 0, are replaced by minimum and maximum. Those of more
    than 2^24 voxels are those of as many drawn ones, always the same.

    A block cut out of a volume carries its parent's range in its metadata (`intensity_range`), which then counts: its
    parent's percentiles are not known.

    Args:
        keys: of images `(C, X, Y, Z)`.
        lower: percentile that becomes 0; 0 is the minimum.
        upper: percentile that becomes 1; 100 is the maximum. What lies outside is clipped.

    Raises:
        UserError: for a constant volume, or percentiles out of order.
    """

    def __init__(self, keys: KeysCollection, lower: float = 0.0, upper: float = 100.0) -> None:
        super().__init__(keys)
        if not 0 <= lower < upper <= 100:
            refuse(
                "--normalisation",
                f"lower {lower} and upper {upper} are not percentiles",
                "give two numbers from 0 to 100, lower first",
            )
        self.lower, self.upper = lower, upper

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Scale each image."""
        d = dict(data)
        for key in self.key_iterator(d):
            low, high = self._range(d[key])
            if not high > low:
                refuse(name_of(d[key]), f"every voxel is {low:g}, so there is nothing to segment", "check the file")
            scaled = d[key].float() - low  # from here on in place, for a volume may fill half of the memory
            d[key] = scaled.div_(high - low).clamp_(0, 1)
        return d

    def _range(self, image: torch.Tensor) -> tuple[float, float]:
        stated = image.meta.get("intensity_range", ()) if isinstance(image, MetaTensor) else ()
        if len(stated) == 2:
            return float(stated[0]), float(stated[1])
        ends = float(image.min()), float(image.max())
        if (self.lower, self.upper) == (0, 100):
            return ends
        low, high = np.percentile(_sample(np.asarray(image).ravel()), (self.lower, self.upper))
        low, high = (ends[0] if self.lower == 0 else float(low)), (ends[1] if self.upper == 100 else float(high))
        return (low, high) if high > low else ends


def _sample(voxels):
    """All of them or, where sorting would take longer than segmenting, so many that a percentile is as good."""
    if voxels.size <= MOST_SORTED:
        return voxels
    return voxels[np.random.default_rng(0).integers(voxels.size, size=MOST_SORTED)]
