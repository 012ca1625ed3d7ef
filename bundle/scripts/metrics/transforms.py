"""The transform that works out, once a volume, what its metrics need."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform

from .registry import make_metrics


class PrepareMetricsd(MapTransform):
    """Work out what metrics need to know of a volume, once for all of them and nothing else.

    Dice, precision, recall and the areas under curves need a `VolumeCounts`, under the key `counts`. The metrics of
    centrelines need a `CentrelineCounts`, under `centrelines`; that takes seconds a volume, so training does without.

    Args:
        keys: of logits `(K, X, Y, Z)`, background first; one key.
        metrics: as `scripts.metrics.handlers` takes them.
        label_key: of class indices `(1, X, Y, Z)`, negative where not labelled.
        threshold: probability above which a voxel is vessel, for all that is scored at one threshold.

    Raises:
        UserError: for a metric that does not exist.
    """

    def __init__(
        self,
        keys: KeysCollection,
        metrics: Sequence[str] | Mapping[str, str],
        label_key: str = "label",
        threshold: float = 0.5,
    ) -> None:
        super().__init__(keys)
        self.label_key = label_key
        self.threshold = threshold
        self.needs = {metric.NEEDS.KEY: metric.NEEDS for metric in make_metrics(metrics).values()}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add what is needed, each under its own key."""
        (key,) = self.key_iterator(dict(data))
        logits, label = data[key], data[self.label_key]
        return {**data, **{name: needed.of(logits, label, self.threshold) for name, needed in self.needs.items()}}
