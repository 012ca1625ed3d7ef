"""Write what an evaluation found: `metrics.json`, a number for every case and metric, and the curves beside it."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Events
from monai.engines import Evaluator

from scripts.core import write_whole
from scripts.metrics import curves_of, gather_volumes

from .curves import write_curves

logger = logging.getLogger(__name__)


def run_evaluation(
    evaluator: Evaluator, threshold: float, output_dir: str | Path, class_names: Sequence[str] = ()
) -> dict[str, Any]:
    """Run an evaluator; write `metrics.json` and the curves (`scripts.report.write_curves`).

    Of several processes the first writes.

    Args:
        evaluator: its batches name their volumes (`name`), its post-processing counts them
            (`scripts.metrics.PrepareMetricsd`), its metrics keep details, a row a volume and a column a class.
        threshold: of the counts.
        output_dir: made if it does not exist.
        class_names: of all classes, background first; only several vessel classes are told apart by name.

    Returns:
        `{"cases": {NAME: {METRIC: number}}, "mean": {METRIC: number}, "threshold": number}`; undefined is None. With
        several vessel classes METRIC is their mean, followed by METRIC.CLASS for each.
    """
    mine: list[tuple[str, dict]] = []  # name and curves of each volume that this process scores

    def keep_curves() -> None:
        names = [item["name"] for item in evaluator.state.batch]
        curves = [curves_of(output["counts"]) for output in evaluator.state.output]
        mine.extend(zip(names, curves, strict=True))

    with evaluator.add_event_handler(Events.ITERATION_COMPLETED, keep_curves):
        evaluator.run()
    curves = dict(gather_volumes(mine))
    details = evaluator.state.metric_details  # (cases, classes) each
    metrics = {
        "cases": {
            name: _by_class({metric: values[i] for metric, values in details.items()}, class_names)
            for i, name in enumerate(curves)
        },
        "mean": _by_class({metric: values.nanmean(dim=0) for metric, values in details.items()}, class_names),
        "threshold": threshold,
    }
    _write(Path(output_dir), metrics, curves)
    return metrics


@idist.one_rank_only()
def _write(output_dir: Path, metrics: Mapping[str, Any], curves: Mapping[str, Mapping[str, Any]]) -> None:
    text = json.dumps(metrics, indent=2, allow_nan=False) + "\n"
    write_whole(output_dir / "metrics.json", lambda temporary: temporary.write_text(text))
    logger.info("wrote %s", output_dir / "metrics.json")
    write_curves(output_dir, curves, metrics["threshold"])


def _by_class(details: Mapping[str, torch.Tensor], class_names: Sequence[str]) -> dict[str, float | None]:
    """`{METRIC: number}` of rows `(classes,)`, and METRIC.CLASS where there are several."""
    numbers = {}
    for metric, row in details.items():
        numbers[metric] = _defined(row.nanmean())
        for index, value in enumerate(row, start=1):
            if len(row) > 1:
                name = class_names[index] if index < len(class_names) else f"class {index}"
                numbers[f"{metric}.{name}"] = _defined(value)
    return numbers


def _defined(value: torch.Tensor) -> float | None:
    return float(value) if math.isfinite(value) else None
