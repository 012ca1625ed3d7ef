"""Turn logits into probabilities and clean class indices, and write the probabilities."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from scripts.core import Box, apply_threshold, planes_per_slab, refuse, slices, voxel_size
from scripts.io import SaveVolumed, in_unit

from .components import drop_small, fill_holes, keep_those_with


class SoftmaxInPlaced(MapTransform):
    """Turn logits into class probabilities in the same memory.

    MONAI's `Activationsd` takes as much again, which a large volume may not leave.

    Args:
        keys: of logits `(K, X, Y, Z)`, which become probabilities.
    """

    SLAB = 16  # planes at a time

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Take the softmax over the classes of each."""
        d = dict(data)
        for key in self.key_iterator(d):
            for slab in torch.as_tensor(d[key]).split(self.SLAB, dim=1):  # (K, planes, Y, Z)
                slab.copy_(slab.softmax(dim=0))
        return d


class ThresholdVesselsd(MapTransform):
    """Turn class probabilities into class indices, and clean them if asked to.

    A voxel is vessel where the probability of all vessel classes together exceeds the threshold, and is then of its
    likeliest vessel class. Then, in this order:

    1. `hysteresis`: so are voxels that exceed this lower threshold and are connected to one that exceeds the threshold.
    2. `fill_holes`: enclosed holes of up to this volume become vessel.
    3. `min_size`: pieces of less than this volume become background.

    What is connected, and what a hole is: `scripts.transforms.components`. Volumes are in the unit that the image's
    file states, cubed (µm³, mm³), and in voxels where it states none, or where they are text such as `20 voxels`.

    Args:
        keys: of probabilities `(K, X, Y, Z)`, background first; afterwards class indices `(1, X, Y, Z)`, uint8.
        threshold: between 0 and 1.
        hysteresis: between 0 and 1; None, and whatever is not below the threshold, is none.
        fill_holes: 0 fills none.
        min_size: 0 drops none.
        image_key: of the image on the same grid, whose metadata count where the probabilities have none.

    Raises:
        UserError: for another threshold.
    """

    def __init__(
        self,
        keys: KeysCollection,
        threshold: float = 0.5,
        hysteresis: float | None = None,
        fill_holes: float | str = 0.0,
        min_size: float | str = 0.0,
        image_key: str = "image",
    ) -> None:
        super().__init__(keys)
        for name, value in (("threshold", threshold), ("hysteresis", hysteresis)):
            if value is not None and not 0 <= value <= 1:
                refuse(f"--{name} {value}", "is not between 0 and 1", "give one such as 0.5")
        self.threshold = threshold
        self.hysteresis = hysteresis if hysteresis is not None and hysteresis < threshold else None
        self.fill_holes, self.min_size = fill_holes, min_size
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Threshold and clean each."""
        d = dict(data)
        for key in self.key_iterator(d):
            voxel = voxel_volume_of(d[key], d.get(self.image_key))
            d[key] = self._cleaned(d[key], voxel)  # (1, X, Y, Z)
        return d

    def _cleaned(self, probability: torch.Tensor, voxel: float) -> torch.Tensor:
        lower = self.threshold if self.hysteresis is None else self.hysteresis
        slabs = probability.split(planes_per_slab(probability), dim=1)
        segmentation = torch.cat([apply_threshold(slab, lower) for slab in slabs], dim=1)  # (1, X, Y, Z)
        holes, pieces = (in_voxels(size, voxel) for size in (self.fill_holes, self.min_size))
        if self.hysteresis is None and holes < 1 and pieces <= 1:
            return segmentation
        classes = np.array(segmentation[0].cpu(), dtype=np.uint8)  # (X, Y, Z)

        def vessels(box: Box) -> torch.Tensor:
            """Return the probabilities of the vessel classes in a box, `(K - 1, x, y, z)`."""
            return probability[(slice(1, None), *slices(box))]

        if self.hysteresis is not None:
            keep_those_with(classes, lambda box: np.asarray(vessels(box).sum(dim=0).cpu()) > self.threshold)
        if holes >= 1:
            fill_holes(classes, holes, lambda box: np.asarray(vessels(box).argmax(dim=0).cpu() + 1, np.uint8))
        if pieces > 1:
            drop_small(classes, pieces)
        found = torch.from_numpy(classes)[None].to(probability.device)  # (1, X, Y, Z)
        if isinstance(segmentation, MetaTensor):
            return MetaTensor(found).copy_meta_from(segmentation, copy_attr=False)
        return found


def in_voxels(size: float | str, voxel_volume: float) -> float:
    """Return how many voxels a volume is: a number of the other's unit, or `20 voxels`."""
    return float(size.split()[0]) if isinstance(size, str) else size / voxel_volume


def voxel_volume_of(*arrays: Any) -> float:
    """Return the volume of a voxel in its file's unit cubed, by the first array that knows it.

    Where a file states no voxel size it is 1, so that volumes are in voxels.
    """
    for array in arrays:
        if isinstance(array, MetaTensor) and "unit" in array.meta:
            if not (unit := str(array.meta["unit"])):
                return 1.0
            return float(np.prod([in_unit(float(side), unit) for side in voxel_size(np.asarray(array.affine))]))
    return 1.0


class SaveProbabilityd(SaveVolumed):
    """Write the probability of each vessel class as a channel of `NAME_prob.EXT`, float32.

    Args:
        keys: of probabilities `(K, X, Y, Z)`, background first; they are passed on unchanged.
        output_dir: the folder, made if it does not exist.
        provenance: what goes into the file's metadata.
    """

    def __init__(self, keys: KeysCollection, output_dir: str, provenance: Mapping[str, Any] | None = None) -> None:
        super().__init__(
            keys, output_dir=output_dir, output_postfix="prob", output_dtype=np.float32, provenance=provenance
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the vessel channels."""
        super().__call__({key: data[key][1:] if key in self.keys else value for key, value in data.items()})
        return dict(data)
