"""Run an evaluation, print its scores, and write them with the curves beside them."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Events
from monai.engines import Evaluator

from scripts.core import printable, tell_result, write_text
from scripts.metrics import VolumeCounts, curves_of, gather_volumes

from .curves import write_curves
from .score_table import score_table, write_score_csv

logger = logging.getLogger(__name__)


def run_evaluation(
    evaluator: Evaluator,
    threshold: float,
    output_dir: str | Path,
    class_names: Sequence[str] = (),
    progress: AbstractContextManager[None] | None = None,
    trained_on: Sequence[str] | str = (),
) -> dict[str, Any]:
    """Run an evaluator, then print its scores, and write them and the curves.

    The files are `metrics.json`, the same numbers as `metrics.csv`, and those of `scripts.report.write_curves`. Where
    several processes share the volumes, the first one prints and writes the scores of all.

    Args:
        evaluator: its batches hold the `name` of each volume, its post-processing counts the voxels of each
            (`scripts.metrics.PrepareMetricsd`), and its metrics keep details, a row for each volume and a column for
            each vessel class.
        threshold: probability above which the counts take a voxel for vessel.
        output_dir: folder to write into; it is made where it does not exist.
        class_names: names of all classes, background first; they are used where there are several vessel classes.
        trained_on: names of volumes that the weights were trained on, or text that says so in words.
        progress: entered while the evaluator runs, to show how far it is (`scripts.inference.told_volumes`).

    Returns:
        `{"cases": {NAME: {METRIC: number}}, "mean": {METRIC: number}, "threshold": number}`; what is undefined is None.
        With several vessel classes METRIC is their mean, and METRIC.CLASS stands beside it for each.

    Raises:
        UserError: if a file cannot be written.
    """
    mine: list[tuple[str, dict[str, Any] | None]] = []  # name and curves of each volume that this process scores

    def keep_curves() -> None:
        """Keep the curves of the volumes of the last batch."""
        names = [item["name"] for item in evaluator.state.batch]
        counts = [output.get(VolumeCounts.KEY) for output in evaluator.state.output]
        curves = [None if each is None else curves_of(each) for each in counts]
        mine.extend(zip(names, curves, strict=True))

    with progress or nullcontext(), evaluator.add_event_handler(Events.ITERATION_COMPLETED, keep_curves):
        evaluator.run()
    curves = dict(gather_volumes(mine))
    if seen := [name for name in curves if not isinstance(trained_on, str) and name in trained_on]:
        told = (
            "the weights were trained on %s, or a part: what they trained on says nothing of new images, leave it out"
        )
        logger.info(told, ", ".join(seen))
    details = evaluator.state.metric_details  # {METRIC: (cases, classes)}
    metrics = {
        "cases": {
            name: _by_class({metric: values[i] for metric, values in details.items()}, class_names)
            for i, name in enumerate(curves)
        },
        "mean": _by_class({metric: values.nanmean(dim=0) for metric, values in details.items()}, class_names),
        "threshold": threshold,
    }
    _write(Path(output_dir), metrics, {name: curve for name, curve in curves.items() if curve is not None})
    return metrics


@idist.one_rank_only()
def _write(output_dir: Path, metrics: Mapping[str, Any], curves: Mapping[str, Mapping[str, Any]]) -> None:
    """In the first process, print the scores and write them and the curves."""
    written = [output_dir / "metrics.json", output_dir / "metrics.csv"]
    write_text(written[0], json.dumps(metrics, indent=2, allow_nan=False) + "\n")
    write_score_csv(written[1], metrics)
    if curves:
        written += write_curves(output_dir, curves, metrics["threshold"])
    else:
        logger.warning("no curves: none of the metrics counts voxels")
    print(printable(f"\nscores at threshold {metrics['threshold']:.4f}\n\n{score_table(metrics)}\n"), flush=True)
    tell_result("wrote %s in %s", ", ".join(path.name for path in written), output_dir)


def _by_class(details: Mapping[str, torch.Tensor], class_names: Sequence[str]) -> dict[str, float | None]:
    """Return METRIC for each row `(classes,)`, and METRIC.CLASS where there are several classes."""
    numbers = {}
    for metric, row in details.items():
        numbers[metric] = _defined(row.nanmean())
        for index, value in enumerate(row, start=1):
            if len(row) > 1:
                name = class_names[index] if index < len(class_names) else f"class {index}"
                numbers[f"{metric}.{name}"] = _defined(value)
    return numbers


def _defined(value: torch.Tensor) -> float | None:
    """Return a number, or None for one that is undefined (NaN)."""
    return float(value) if math.isfinite(value) else None
