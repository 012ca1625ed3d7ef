"""Run an evaluation, print its scores, and write them with the curves beside them."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import ignite.distributed as idist
import torch
from ignite.engine import Events
from monai.engines import Evaluator

from scripts.core import printable, refuse_failed, tell_result, write_text
from scripts.data import FAILED
from scripts.metrics import VolumeCounts, curves_of, gather_volumes

from .curves import write_curves
from .run_record import write_run_record
from .score_table import score_table, write_score_csv
from .theme import theme_of

logger = logging.getLogger(__name__)

COMPUTED_BY = "computed_by"  # noted in the provenance of the weights while a volume is predicted


def run_evaluation(
    evaluator: Evaluator,
    threshold: float,
    output_dir: str | Path,
    class_names: Sequence[str] = (),
    progress: AbstractContextManager[None] | None = None,
    trained_on: Sequence[str] | str = (),
    about: Mapping[str, str] | None = None,
    region: str | None = None,
    theme: str = "dark",
) -> dict[str, Any]:
    """Run an evaluator, then print its scores, and write them and the curves.

    The files are `metrics.json`, the same numbers as `metrics.csv`, those of `scripts.report.write_curves`, and
    `run.json`, what was run (`scripts.report.run_record`). Where
    several processes share the volumes, the first one prints and writes the scores of all. Volumes that could not be
    loaded are left out and listed at the end.

    Args:
        evaluator: its batches hold the `name` and `label` of each volume, and `failed` if it could not be loaded
            (`scripts.data.ScoredVolumes`). Its post-processing counts the voxels of each
            (`scripts.metrics.PrepareMetricsd`), and its metrics keep details, a row for each volume and a column for
            each vessel class.
        threshold: probability above which the counts take a voxel for vessel.
        output_dir: folder to write into; it is made where it does not exist.
        class_names: names of all classes, background first; they are used where there are several vessel classes.
        trained_on: names of volumes that the weights were trained on, or text that says so in words.
        about: the origin of the weights (the provenance of a `scripts.weights.Checkpoint`), for the table.
        region: the box of voxels that count as labelled, for the table.
        theme: of the pictures of the curves, dark or light.
        progress: entered while the evaluator runs, to show how far it is (`scripts.inference.told_volumes`).

    Returns:
        `{"cases": {NAME: {METRIC: number}}, "mean": {METRIC: number}, "threshold": number}`; what is undefined is None.
        With several vessel classes METRIC is their mean, and METRIC.CLASS stands beside it for each.

    Raises:
        UserError: for a theme that does not exist; if a file cannot be written, or if a volume could not be loaded; the
            others are scored before.
    """
    noted, about = about or {}, {key: value for key, value in (about or {}).items() if key != COMPUTED_BY}
    started = time.monotonic()
    theme_of(theme)  # refused now, and not after all volumes
    mine: list[_Volume] = []  # those that this process scores

    def keep_curves() -> None:
        """Keep the curves of the volumes of the last batch."""
        for item, output in zip(evaluator.state.batch, evaluator.state.output, strict=True):
            counts = output.get(VolumeCounts.KEY)
            curves = None if counts is None else curves_of(counts)
            # of a volume that went by blocks, the label was never loaded whole
            labelled = int((item["label"] >= 0).sum() if counts is None else counts.confusion.sum())
            mine.append(_Volume(item["name"], labelled, curves, item.get(FAILED), noted.get(COMPUTED_BY)))

    with progress or nullcontext(), evaluator.add_event_handler(Events.ITERATION_COMPLETED, keep_curves):
        evaluator.run()
    volumes = gather_volumes(mine)
    rows = [i for i, volume in enumerate(volumes) if volume.failed is None]
    failures = [volume.failed for volume in volumes if volume.failed is not None]
    curves = {volumes[i].name: volumes[i].curves for i in rows}
    if seen := [name for name in curves if not isinstance(trained_on, str) and name in trained_on]:
        told = (
            "the weights were trained on %s, or a part: what they trained on says nothing of new images, leave it out"
        )
        logger.info(told, ", ".join(seen))
    # {METRIC: (cases, classes)}
    details = {metric: values[rows] for metric, values in evaluator.state.metric_details.items()}
    metrics = {
        "cases": {
            name: _by_class({metric: values[i] for metric, values in details.items()}, class_names)
            for i, name in enumerate(curves)
        },
        "mean": _by_class({metric: values.nanmean(dim=0) for metric, values in details.items()}, class_names),
        "threshold": threshold,
    }
    if rows:
        labelled = {volumes[i].name: volumes[i].labelled for i in rows}
        drawn = {name: curve for name, curve in curves.items() if curve is not None}
        computed_by = ", ".join(sorted({str(volume.computed_by) for volume in volumes if volume.computed_by}))
        about |= {COMPUTED_BY: computed_by} if computed_by else {}
        told = {**about, **({"region": str(region)} if region else {})}
        _write(Path(output_dir), metrics, drawn, labelled, told, theme, time.monotonic() - started)
    if failures and idist.get_rank() == 0:  # so that several processes say so once
        earlier = " (those there are of an earlier run)" if (Path(output_dir) / "metrics.json").exists() else ""
        nothing = f"nothing was scored, and no file was written{earlier}"
        scored = "the scores are of the others" if rows else nothing
        refuse_failed(failures, len(volumes), "scored", f"correct them; {scored}")
    return metrics


class _Volume(NamedTuple):
    """What is kept of a volume: labelled voxels, curves, failure, and what computed it."""

    name: str
    labelled: int
    curves: dict[str, Any] | None
    failed: str | None
    computed_by: str | None


@idist.one_rank_only()
def _write(
    output_dir: Path,
    metrics: Mapping[str, Any],
    curves: Mapping[str, Mapping[str, Any]],
    labelled: Mapping[str, int],
    about: Mapping[str, str],
    theme: str,
    seconds: float,
) -> None:
    """In the first process, print the scores and write them, the curves and what was run."""
    written = [output_dir / "metrics.json", output_dir / "metrics.csv"]
    replaced = "; the earlier ones are replaced" if written[0].exists() else ""
    write_text(written[0], json.dumps(metrics, indent=2, allow_nan=False) + "\n")
    write_score_csv(written[1], metrics, labelled, about)
    if curves:
        written += write_curves(output_dir, curves, metrics["threshold"], theme)
    else:
        logger.warning("no curves: none of the metrics counts voxels")
    written.append(write_run_record(output_dir, about, seconds))
    print(printable(f"\n{_caption(metrics, about)}\n\n{score_table(metrics, labelled)}\n"), flush=True)
    tell_result("wrote %s in %s%s", ", ".join(path.name for path in written), output_dir, replaced)


def _caption(metrics: Mapping[str, Any], about: Mapping[str, str]) -> str:
    """Return what the scores are of: weights, threshold and region."""
    weights = f" of {about['weights']} (sha256 {about['weights_sha256'][:12]})" if "weights_sha256" in about else ""
    region = f", in {about['region']}" if "region" in about else ""
    return f"scores{weights} at threshold {metrics['threshold']:.4f}{region}"


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
