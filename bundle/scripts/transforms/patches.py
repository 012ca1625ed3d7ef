"""Cut the patches that are trained on, at random, where the volume is labelled."""

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

FOREGROUND, BACKGROUND = "fg_indices", "bg_indices"  # keys of the voxels that may be centres


class FitToPatchesd(Transform):
    """Pad and crop a volume so that patches fit, reach its borders and lie where it is labelled.

    The image is padded with its edge values, the label with -1, *not labelled*. In plane, both sides gain what a turned
    patch needs beyond itself. Across, a thin stack grows to the next multiple of `divisor` and not to a whole patch. Of
    a volume that is labelled in part, that part remains, with what the patches around it need.

    Args:
        image_key: of the image `(C, plane, plane, across)`.
        label_key: of the label `(1, plane, plane, across)`.
        patch_size: of the patch that is trained on, (plane, plane, across) in voxels.
        crop_size: of the crop that it is cut from (`rotation_margin`).
        divisor: 2 to the power of the number of the network's poolings.
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
        """Pad and crop image and label in the same way."""
        d = dict(data)
        shape = d[self.image_key].shape[1:]  # (plane, plane, across)
        patch = [
            side if axis < 2 else min(side, ceil(size / self.divisor) * self.divisor)
            for axis, (side, size) in enumerate(zip(self.patch_size, shape, strict=True))
        ]
        pairs: list[int] = []
        for margin, side, size in zip(self.margin, patch, shape, strict=True):
            pairs = [margin, margin + max(0, side - size), *pairs]  # F.pad counts from the last axis
        image = F.pad(d[self.image_key][None], pairs, mode="replicate")[0]  # (C, padded)
        label = F.pad(d[self.label_key], pairs, value=UNLABELLED)  # (1, padded)
        window = self._around_labelled(label, patch)
        d[self.image_key] = image[window].contiguous()  # (C, fitted)
        d[self.label_key] = label[window].contiguous()  # (1, fitted)
        return d

    def _around_labelled(self, label: torch.Tensor, patch: Sequence[int]) -> tuple[slice, ...]:
        """Return the box of the labelled voxels with the patches around them, or everything."""
        window = [slice(None)]
        for axis, (side, margin) in enumerate(zip(patch, self.margin, strict=True)):
            others = tuple(other for other in range(4) if other != axis + 1)
            labelled = (label >= 0).amax(dim=others).nonzero().flatten()  # (N,), along this axis
            if not len(labelled):
                return (slice(None),)
            first, last = int(labelled[0]), int(labelled[-1]) + 1
            # where less than a patch is labelled, every patch that holds all of it is a good one
            reach = margin + max(0, side - (last - first))
            window.append(slice(max(0, first - reach), last + reach))
        return tuple(window)


class LabelIndicesd(MapTransform):
    """List the voxels that may be the centre of a patch: vessel, and background.

    MONAI's `RandCropByPosNegLabeld` takes the lists as `fg_indices_key` and `bg_indices_key`; its own would have what
    is not labelled among the foreground.

    Args:
        keys: of the label `(1, X, Y, Z)`, class indices; one key.
        max_indices: how many of either are listed at most. Where there are more, as many are drawn once, which is as
            good to draw centres from and does not fill memory.

    Raises:
        UserError: if no voxel is labelled.
    """

    def __init__(self, keys: KeysCollection, max_indices: int = 2_000_000) -> None:
        super().__init__(keys)
        self.max_indices = max_indices

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add both lists."""
        d = dict(data)
        label = np.asarray(d[self.first_key(d)]).reshape(-1)  # (N,)
        if not (label >= 0).any():
            refuse(
                d.get("name", "volume"),
                "no voxel is labelled in the part that trains",
                "give another --region, or label more of it",
            )
        for key, chosen in ((FOREGROUND, label > 0), (BACKGROUND, label == 0)):
            indices = np.flatnonzero(chosen)
            if len(indices) > self.max_indices:  # not every n-th, which on a grid of voxels can be one plane
                indices = indices[np.random.default_rng(0).integers(len(indices), size=self.max_indices)]
            d[key] = indices
        return d


class RandVesselCropd(RandCropByPosNegLabeld):
    """Crop around a random voxel as MONAI does, and again where the patch is nearly empty.

    A patch in which less than `min_vessel` of the voxels are vessel is drawn again with probability `redraw`, so that
    some stay empty, as in the tUbe net paper.

    Args:
        keys: of arrays to crop, `(C, X, Y, Z)`.
        label_key: of the label `(1, X, Y, Z)`.
        patch_size: of the middle of the crop, which will be trained on, so vessel is looked for there.
        redraw: probability of drawing again.
        min_vessel: a fraction of the patch's voxels.
        kwargs: for MONAI's `RandCropByPosNegLabeld`.
    """

    MAX_DRAWS = 50  # a volume with no vessel at all must still give patches

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

    def randomize(
        self,
        label: torch.Tensor | None = None,
        fg_indices: np.ndarray | None = None,
        bg_indices: np.ndarray | None = None,
        image: torch.Tensor | None = None,
    ) -> None:
        """Draw the centre of the crop, again and again if need be."""
        if fg_indices is not None and bg_indices is not None:  # with one list empty MONAI warns, at each patch
            fg_indices, bg_indices = (
                given if len(given) else other for given, other in ((fg_indices, bg_indices), (bg_indices, fg_indices))
            )
        for _ in range(self.MAX_DRAWS):
            super().randomize(label, fg_indices, bg_indices, image)
            if self._vessel_fraction(label) >= self.min_vessel or self.cropper.R.random() >= self.redraw:
                return

    def _vessel_fraction(self, label: torch.Tensor) -> float:
        """Return the share of vessel among the voxels of the patch that was drawn last."""
        middle = [
            slice(max(0, int(centre) - side // 2), int(centre) + side // 2)
            for centre, side in zip(self.cropper.centers[0], self.patch_size, strict=True)
        ]
        return float((label[(0, *middle)] > 0).float().mean())
