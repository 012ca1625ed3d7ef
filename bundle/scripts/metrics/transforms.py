"""Transforms that count a volume for the metrics."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import convert_to_tensor

from scripts.core import segmentation_of

from .centreline import CentrelineCounts
from .counts import VolumeCounts


class CountVoxelsd(MapTransform):
    """Count a volume once, for all metrics: a `scripts.metrics.VolumeCounts`, under the key `counts`.

    Args:
        keys: of logits `(K, X, Y, Z)`, one key.
        label_key: of class indices `(1, X, Y, Z)`, negative where not labelled.
        threshold: probability above which a voxel is vessel, for Dice, precision and recall.
    """

    def __init__(self, keys: KeysCollection, label_key: str = "label", threshold: float = 0.5) -> None:
        super().__init__(keys)
        self.label_key = label_key
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the counts."""
        (key,) = self.key_iterator(dict(data))
        return {**data, "counts": VolumeCounts.of(data[key], data[self.label_key], self.threshold)}


class CountCentrelinesd(MapTransform):
    """Count a volume's centrelines: a `scripts.metrics.CentrelineCounts`, under the key `centrelines`.

    It takes seconds a volume, so only evaluation does it.

    Args:
        keys: of logits `(K, X, Y, Z)`, one key.
        label_key: of class indices `(1, X, Y, Z)`, negative where not labelled.
        threshold: probability above which a voxel is vessel.
    """

    def __init__(self, keys: KeysCollection, label_key: str = "label", threshold: float = 0.5) -> None:
        super().__init__(keys)
        self.label_key = label_key
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the counts."""
        (key,) = self.key_iterator(dict(data))
        logits = convert_to_tensor(data[key], track_meta=False)  # (K, X, Y, Z)
        predicted = segmentation_of(logits, self.threshold)  # (1, X, Y, Z)
        return {**data, "centrelines": CentrelineCounts.of(predicted, data[self.label_key], classes=len(logits))}
