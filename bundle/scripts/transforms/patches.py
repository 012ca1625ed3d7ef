"""The MONAI transforms of patches that MONAI lacks: in-plane work, margins of real image, vessel-weighted crops."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandCropByPosNegLabeld, Transform
from torch.nn import functional as F

from scripts.core import UNLABELLED, refuse

FOREGROUND, BACKGROUND = "fg_indices", "bg_indices"


class FitToPatchesd(Transform):
    """Pad and crop a volume so that patches fit, reach the borders, and lie among labelled voxels.

    Padding has edge values in the image and *not labelled* in the label. In plane, each side gains half of what a
    turned patch needs beyond itself; across, a thin stack grows to the next multiple of `divisor` and not to a whole
    patch. Of a volume labelled in part, that part remains, with what patches around it need.

    Args:
        image_key: of the image `(C, plane, plane, across)`.
        label_key: of the label, likewise.
        patch_size: of the patch that is trained on.
        crop_size: of the crop it is cut from (`rotation_margin`).
        divisor: what the network's poolings need.
    """

    def __init__(
        self,
        image_key: str,
        label_key: str,
        patch_size: Sequence[int],
        crop_size: Sequence[int],
        divisor: int = 32,
    ) -> None:
        self.image_key, self.label_key = image_key, label_key
        self.patch_size = patch_size
        self.margin = [(crop - patch) // 2 for crop, patch in zip(crop_size, patch_size, strict=True)]
        self.divisor = divisor

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Pad and crop image and label alike."""
        d = dict(data)
        shape = d[self.image_key].shape[1:]
        patch = [
            side if axis < 2 else min(side, ceil(size / self.divisor) * self.divisor)
            for axis, (side, size) in enumerate(zip(self.patch_size, shape, strict=True))
        ]
        pairs: list[int] = []
        for margin, side, size in zip(self.margin, patch, shape, strict=True):
            pairs = [margin, margin + max(0, side - size), *pairs]  # F.pad counts from the last axis
        image = F.pad(d[self.image_key][None], pairs, mode="replicate")[0]
        label = F.pad(d[self.label_key], pairs, value=UNLABELLED)
        window = self._around_labelled(label, patch)
        d[self.image_key], d[self.label_key] = image[window].contiguous(), label[window].contiguous()
        return d

    def _around_labelled(self, label: torch.Tensor, patch: Sequence[int]) -> tuple[slice, ...]:
        window = [slice(None)]
        for axis, (side, margin) in enumerate(zip(patch, self.margin, strict=True)):
            others = tuple(other for other in range(4) if other != axis + 1)
            labelled = (label >= 0).amax(dim=others).nonzero().flatten()
            if not len(labelled):
                return (slice(None),)
            first, last = int(labelled[0]), int(labelled[-1]) + 1
            # where less than a patch is labelled, every patch that holds all of it is a good one
            reach = margin + max(0, side - (last - first))
            window.append(slice(max(0, first - reach), last + reach))
        return tuple(window)


class LabelIndicesd(MapTransform):
    """List the voxels that may be the centre of a patch: vessel and background, never what is not labelled.

    Args:
        keys: of the label `(1, X, Y, Z)`.
        most: voxels listed of each at most, drawn once; as good to draw from, and they need not fill memory.

    Raises:
        UserError: where no voxel is labelled.
    """

    def __init__(self, keys: KeysCollection, most: int = 2_000_000) -> None:
        super().__init__(keys)
        self.most = most

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add both lists."""
        d = dict(data)
        label = np.asarray(d[self.first_key(d)]).reshape(-1)
        if not (label >= 0).any():
            refuse(d.get("name", "volume"), "no voxel is labelled in the part that trains", "check region")
        for key, chosen in ((FOREGROUND, label > 0), (BACKGROUND, label == 0)):
            indices = np.flatnonzero(chosen)
            if len(indices) > self.most:  # not every n-th, which on a grid of voxels can be one plane
                indices = indices[np.random.default_rng(0).integers(len(indices), size=self.most)]
            d[key] = indices
        return d


class RandVesselCropd(RandCropByPosNegLabeld):
    """MONAI's vessel-weighted crop, drawn again where it came out nearly empty.

    A patch with less than `min_vessel` vessel among its voxels is drawn again with probability `redraw`; as in the
    tUbe net paper, some so stay empty.

    Args:
        keys: of arrays to crop, `(C, X, Y, Z)`.
        label_key: of the label.
        patch_size: the middle of the crop, which is what will be trained on and so what is looked at.
        redraw: probability of drawing again.
        min_vessel: fraction of voxels.
        kwargs: for MONAI's `RandCropByPosNegLabeld`.
    """

    MOST_DRAWS = 50  # a volume with no vessel at all must still give patches

    def __init__(
        self,
        keys: KeysCollection,
        label_key: str,
        patch_size: Sequence[int],
        redraw: float = 0.9,
        min_vessel: float = 0.001,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            keys,
            label_key,
            fg_indices_key=FOREGROUND,
            bg_indices_key=BACKGROUND,
            num_samples=1,
            allow_smaller=True,
            **kwargs,
        )
        self.patch_size = patch_size
        self.redraw = redraw
        self.min_vessel = min_vessel

    def randomize(self, label=None, fg_indices=None, bg_indices=None, image=None) -> None:
        """Draw the centre, again and again if need be."""
        for _ in range(self.MOST_DRAWS):
            super().randomize(label, fg_indices, bg_indices, image)
            if self._vessel_fraction(label) >= self.min_vessel or self.cropper.R.random() >= self.redraw:
                return

    def _vessel_fraction(self, label: torch.Tensor) -> float:
        middle = [
            slice(max(0, int(centre) - side // 2), int(centre) + side // 2)
            for centre, side in zip(self.cropper.centers[0], self.patch_size, strict=True)
        ]
        return float((label[(0, *middle)] > 0).float().mean())
