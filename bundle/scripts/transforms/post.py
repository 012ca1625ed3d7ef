"""Turn logits into probabilities and class indices, and write the probabilities."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from scripts.core import apply_threshold, refuse
from scripts.io import SaveVolumed


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
    """Turn class probabilities into class indices.

    A voxel is vessel where the probability of all vessel classes together exceeds the threshold, and is then of its
    likeliest vessel class.

    Args:
        keys: of probabilities `(K, X, Y, Z)`, background first; afterwards class indices `(1, X, Y, Z)`, uint8.
        threshold: between 0 and 1.

    Raises:
        UserError: for another threshold.
    """

    def __init__(self, keys: KeysCollection, threshold: float = 0.5) -> None:
        super().__init__(keys)
        if not 0 <= threshold <= 1:
            refuse(f"--threshold {threshold}", "is not between 0 and 1", "give one such as 0.5")
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Threshold each."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = apply_threshold(d[key], self.threshold)  # (1, X, Y, Z)
        return d


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
