"""Make metrics by their names, which are those of configs and of `metrics.json`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from monai.handlers import IgniteMetricHandler, from_engine

from scripts.core import refuse_unknown

from .scores import BestDice, BestThreshold, CentrelineScores, SurfaceScores, TopologyScores, VolumeMetric, VoxelScores

METRICS: dict[str, Callable[[], VolumeMetric]] = {
    "dice": partial(VoxelScores, "dice"),
    "precision": partial(VoxelScores, "precision"),
    "recall": partial(VoxelScores, "recall"),
    "auroc": partial(VoxelScores, "auroc"),
    "average_precision": partial(VoxelScores, "average_precision"),
    "best_dice": BestDice,
    "best_threshold": BestThreshold,
    "cldice": partial(CentrelineScores, "cldice"),
    "centreline_sensitivity": partial(CentrelineScores, "centreline_sensitivity"),
    "length_error": partial(CentrelineScores, "length_error"),
    "hausdorff_95": partial(SurfaceScores, "hausdorff_95"),
    "surface_dice": partial(SurfaceScores, "surface_dice"),
    "betti0_error": partial(TopologyScores, "betti0_error"),
    "betti1_error": partial(TopologyScores, "betti1_error"),
    "volume_error": partial(VoxelScores, "volume_error"),
    "expected_calibration_error": partial(VoxelScores, "expected_calibration_error"),
}
"""All metrics; a new one is a class that says what it needs (`VolumeMetric.NEEDS`) and a line here."""


def handlers(metrics: Sequence[str] | Mapping[str, str]) -> dict[str, IgniteMetricHandler]:
    """Make the metrics of a MONAI evaluator, `key_val_metric` or `additional_metrics`.

    The post-processing is `PrepareMetricsd` of the same metrics. As MONAI has it, the first of `key_val_metric` is the
    one that selects, and the rest are only reported.

    Args:
        metrics: names out of `METRICS`, or such names by other ones: `{"val_dice": "best_dice"}`.

    Returns:
        `{name: handler}`, in this order.

    Raises:
        UserError: for a metric that does not exist.
    """
    return {
        name: IgniteMetricHandler(
            metric_fn=metric,
            output_transform=from_engine([metric.NEEDS.KEY] * 2),  # MONAI wants a pair, prediction and label
        )
        for name, metric in make_metrics(metrics).items()
    }


def make_metrics(metrics: Sequence[str] | Mapping[str, str]) -> dict[str, VolumeMetric]:
    """Make metrics by name, without handlers; arguments and errors are those of `handlers`."""
    if isinstance(metrics, str):
        metrics = [metrics]
    named = metrics if isinstance(metrics, Mapping) else {name: name for name in metrics}
    for metric in named.values():
        if metric not in METRICS:
            known = f"give one of {', '.join(METRICS)}"
            refuse_unknown(f"metric {metric!r}", "does not exist", str(metric).lower(), METRICS, known)
    return {name: METRICS[metric]() for name, metric in named.items()}
