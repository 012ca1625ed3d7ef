"""Scale a volume's intensity to [0, 1], by its minimum and maximum or by percentiles."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from scripts.io import name_of

from .polarity import polarity
from .ranges import check_percentiles
from .scaling import Scaling, decide, is_inverted
from .seen import see

INVERTED = "inverted"  # key of the metadata


class ScaleToUnitd(MapTransform):
    """Scale the intensity of a whole volume to [0, 1], float32, from the type that its file has.

    The minimum becomes 0 and the maximum 1, as in the tUbe net paper, or two percentiles do (`intensity_range`).

    A block that was cut out of a volume may carry, in its metadata, the range that the volume was scaled by
    (`intensity_range`). Then that range becomes 0 and 1, whatever the percentiles, for those of the volume are not
    known. It is believed if most of the block's voxels lie in it.

    Where vessels are dark, it is turned inside out afterwards, 1 becomes 0, so that they are bright.

    Args:
        keys: of images `(C, X, Y, Z)` of any real type.
        lower: percentile that becomes 0; 0 is the minimum.
        upper: percentile that becomes 1; 100 is the maximum. What lies outside is clipped.
        invert: whether to turn the image inside out: `true`, `false`, or `auto`, where its vessels are clearly dark
            (`scripts.transforms.polarity`). That it was is kept in the metadata, as `inverted`.

    Raises:
        UserError: for a volume whose voxels are all the same or not finite in single precision, for whole numbers
            beyond 2^53, and for percentiles out of order.
    """

    def __init__(
        self, keys: KeysCollection, lower: float = 0.0, upper: float = 100.0, invert: str | bool = False
    ) -> None:
        super().__init__(keys)
        check_percentiles(lower, upper)
        self.invert = invert
        self.lower, self.upper = lower, upper

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Scale each image."""
        d = dict(data)
        for key in self.key_iterator(d):
            name = name_of(d[key])
            scaling = self._scaling(d[key], name)
            d[key] = scaling.apply_to(d[key])
            if is_inverted(self.invert, lambda image=d[key]: _polarity(image), name):
                d[key].mul_(-1).add_(1)
                if isinstance(d[key], MetaTensor):
                    d[key].meta[INVERTED] = True
        return d

    def _scaling(self, image: torch.Tensor, name: str) -> Scaling:
        voxels = np.asarray(image)  # (C, X, Y, Z)
        stated = image.meta.get("intensity_range", ()) if isinstance(image, MetaTensor) else ()
        stated = (float(stated[0]), float(stated[1])) if len(stated) == 2 else None
        return decide(see(voxels, name), voxels.dtype, stated, (self.lower, self.upper), name)


def _polarity(image: torch.Tensor) -> float:
    """Return the polarity of the channel of a scaled image in which it is clearest."""
    affine = np.asarray(image.affine) if isinstance(image, MetaTensor) else np.eye(4)
    return max((polarity(np.asarray(channel), affine) for channel in image), key=abs)
