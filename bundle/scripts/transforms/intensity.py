"""Scale a volume's intensity to [0, 1], by its minimum and maximum or by percentiles."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import numpy.typing as npt
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from scripts.core import refuse
from scripts.io import name_of

MAX_SORTED = 2**24  # voxels; sorting them takes about a second


class ScaleToUnitd(MapTransform):
    """Scale the intensity of a whole volume to [0, 1].

    The minimum becomes 0 and the maximum 1, as in the tUbe net paper, or two percentiles do. Where both percentiles are
    the same, as where all but a few voxels are 0, minimum and maximum take their place. Percentiles of more than 2^24
    voxels (`MAX_SORTED`) are those of as many that are drawn, always the same ones.

    A block that was cut out of a volume may carry the volume's range in its metadata (`intensity_range`). Then that
    range becomes 0 and 1, whatever the percentiles, for those of the volume are not known.

    Args:
        keys: of images `(C, X, Y, Z)`.
        lower: percentile that becomes 0; 0 is the minimum.
        upper: percentile that becomes 1; 100 is the maximum. What lies outside is clipped.

    Raises:
        UserError: for a volume whose voxels are all the same, and for percentiles out of order.
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
            scaled = d[key].float() - low  # (C, X, Y, Z); from here on in place, for it may fill half of the memory
            d[key] = scaled.div_(high - low).clamp_(0, 1)
        return d

    def _range(self, image: torch.Tensor) -> tuple[float, float]:
        """Return the intensities of an image that become 0 and 1."""
        stated = image.meta.get("intensity_range", ()) if isinstance(image, MetaTensor) else ()
        if len(stated) == 2:
            return float(stated[0]), float(stated[1])
        ends = float(image.min()), float(image.max())
        if (self.lower, self.upper) == (0, 100):
            return ends
        low, high = np.percentile(_sample(np.asarray(image).ravel()), (self.lower, self.upper))
        low, high = (ends[0] if self.lower == 0 else float(low)), (ends[1] if self.upper == 100 else float(high))
        return (low, high) if high > low else ends


def _sample(voxels: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return all voxels, or so many of a large volume that percentiles are as good."""
    if voxels.size <= MAX_SORTED:
        return voxels
    return voxels[np.random.default_rng(0).integers(voxels.size, size=MAX_SORTED)]
