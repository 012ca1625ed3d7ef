"""Write what an evaluation found: `metrics.json`, a number for every case and metric, and their means."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path

from monai.engines import Evaluator

from scripts.checkpoints import write_whole

logger = logging.getLogger(__name__)


def run_evaluation(evaluator: Evaluator, cases: Sequence[str], threshold: float, output_dir: str | Path) -> dict:
    """Run an evaluator and write ``metrics.json``.

    Args:
        evaluator: with metrics that keep details, one row a case in the order of ``cases``.
        cases: names.
        threshold: that Dice, precision and recall used.
        output_dir: made if it does not exist.

    Returns:
        ``{"cases": {NAME: {METRIC: number}}, "mean": {METRIC: number}, "threshold": number}``; undefined is None.
    """
    evaluator.run()
    details = {name: values.flatten().tolist() for name, values in evaluator.state.metric_details.items()}
    metrics = {
        "cases": {
            case: {name: _defined(values[i]) for name, values in details.items()} for i, case in enumerate(cases)
        },
        "mean": {name: _defined(float(evaluator.state.metrics[name])) for name in details},
        "threshold": threshold,
    }
    text = json.dumps(metrics, indent=2) + "\n"
    write_whole(Path(output_dir) / "metrics.json", lambda temporary: temporary.write_text(text))
    logger.info("wrote %s", Path(output_dir) / "metrics.json")
    return metrics


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
