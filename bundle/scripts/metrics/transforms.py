"""Transforms that count a volume for the metrics."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import convert_to_tensor

from scripts.core import segmentation_of

from .centreline import CentrelineTally
from .counts import VolumeTally


class TallyVoxelsd(MapTransform):
    """Tally a volume once, for all metrics: a :class:`scripts.metrics.VolumeTally`, under the key ``tally``.

    Args:
        keys: of logits ``(K, X, Y, Z)``, one key.
        label_key: of class indices ``(1, X, Y, Z)``, negative where not labelled.
        threshold: probability above which a voxel is vessel, for Dice, precision and recall.
    """

    def __init__(self, keys: KeysCollection, label_key: str = "label", threshold: float = 0.5) -> None:
        super().__init__(keys)
        self.label_key = label_key
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the tally."""
        (key,) = self.key_iterator(dict(data))
        return {**data, "tally": VolumeTally.of(data[key], data[self.label_key], self.threshold)}


class TallyCentrelinesd(MapTransform):
    """Tally a volume's centrelines: a :class:`scripts.metrics.CentrelineTally`, under the key ``centrelines``.

    It takes seconds a volume, so only evaluation does it.

    Args:
        keys: of logits ``(K, X, Y, Z)``, one key.
        label_key: of class indices ``(1, X, Y, Z)``, negative where not labelled.
        threshold: probability above which a voxel is vessel.
    """

    def __init__(self, keys: KeysCollection, label_key: str = "label", threshold: float = 0.5) -> None:
        super().__init__(keys)
        self.label_key = label_key
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the tally."""
        (key,) = self.key_iterator(dict(data))
        logits = convert_to_tensor(data[key], track_meta=False)  # (K, X, Y, Z)
        called = segmentation_of(logits, self.threshold)  # (1, X, Y, Z)
        return {**data, "centrelines": CentrelineTally.of(called, data[self.label_key], classes=len(logits))}
