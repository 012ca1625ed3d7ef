"""The transform that works out, once a volume, what its metrics need."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform

from .registry import make_metrics

DataTransform = Callable[[Mapping[Hashable, Any]], Mapping[Hashable, Any]]


class PrepareMetricsd(MapTransform):
    """Work out what metrics need to know of a volume, once for all of them and nothing else.

    Dice, precision, recall and the areas under curves need a `VolumeCounts`, under the key `counts`. The metrics of
    centrelines need a `CentrelineCounts`, under `centrelines`, those of surfaces a `SurfaceCounts`, under `surfaces`,
    and Betti errors a `TopologyCounts`, under `topology`; these take seconds a volume, so training does without.

    Args:
        keys: of logits `(K, X, Y, Z)`, background first; one key.
        metrics: as `scripts.metrics.handlers` takes them.
        label_key: of class indices `(1, X, Y, Z)`, negative where not labelled.
        threshold: probability above which a voxel is vessel, for all that is scored at one threshold.
        smooth: a transform of the logits, before anything is scored (`scripts.transforms.SmoothLogitsd`).
        segment: a transform of probabilities to class indices `(1, X, Y, Z)` in place of the threshold alone, as what
            segments has it (`scripts.transforms.ThresholdVesselsd`).

    Raises:
        UserError: for a metric that does not exist.
    """

    def __init__(
        self,
        keys: KeysCollection,
        metrics: Sequence[str] | Mapping[str, str],
        label_key: str = "label",
        threshold: float = 0.5,
        smooth: DataTransform | None = None,
        segment: DataTransform | None = None,
    ) -> None:
        super().__init__(keys)
        self.smooth, self.segment = smooth, segment
        self.label_key = label_key
        self.threshold = threshold
        self.needs = {metric.NEEDS.KEY: metric.NEEDS for metric in make_metrics(metrics).values()}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add what is needed, each under its own key."""
        (key,) = self.key_iterator(dict(data))
        logits, label = data[key], data[self.label_key]
        if self.smooth is not None:
            logits = self.smooth(data)[key]  # (K, X, Y, Z)
        predicted = None
        if self.segment is not None:
            predicted = self.segment({**data, key: logits.softmax(dim=0)})[key]  # (1, X, Y, Z)
        needs = self.needs.items()
        return {**data, **{name: needed.of(logits, label, self.threshold, predicted) for name, needed in needs}}
