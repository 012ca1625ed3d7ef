"""Cut the patches that are trained on out of volumes on disk."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.data import get_track_meta
from monai.transforms import SpatialCrop
from monai.utils import convert_to_tensor

from ..patches import BACKGROUND, FOREGROUND, RandVesselCropd


class RandStoredCropd(RandVesselCropd):
    """Crop as `RandVesselCropd` does, reading only what is cut out.

    Args:
        keys: of what is cropped, `image` and `label` as `OpenStoredd` has opened them.
        label_key: of the label.
        kwargs: of `RandVesselCropd`.
    """

    def __call__(self, data: Mapping[Hashable, Any], lazy: bool | None = None) -> dict[Hashable, Any]:
        """Draw a crop and read it."""
        d = dict(data)
        self.randomize(d[self.label_key], d.pop(FOREGROUND), d.pop(BACKGROUND))
        (centre,) = self.cropper.centers
        at = SpatialCrop(roi_center=centre, roi_size=self.cropper.spatial_size).slices
        for key in self.key_iterator(d):
            d[key] = convert_to_tensor(d[key][(slice(None), *at)], track_meta=get_track_meta())  # (1, crop)
        return d
