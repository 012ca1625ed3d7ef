"""The scores of all cases, the worst first, and what each metric means."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.core import refuse

from .case import Case

WORDS = {
    "dice": ("Dice", "overlap of prediction and truth, 0 to 1"),
    "precision": ("Precision", "share of what is found that is true"),
    "recall": ("Recall", "share of the truth that is found"),
    "auroc": ("AUROC", "how well probabilities rank vessel above background; 0.5 is chance"),
    "average_precision": ("Average precision", "area under precision and recall"),
    "cldice": ("clDice", "overlap of the centrelines, 0 to 1"),
    "centreline_sensitivity": ("Centreline sensitivity", "share of the true centrelines that is found"),
    "length_error": ("Length error", "difference in length of the centrelines, over that of the truth; less is better"),
    "hausdorff_95": ("Hausdorff 95", "distance of the surfaces, 95th percentile; less is better"),
    "surface_dice": ("Surface Dice", "share of the surfaces that agree"),
    "betti0_error": ("Betti 0 error", "difference in the number of pieces; less is better"),
    "betti1_error": ("Betti 1 error", "difference in the number of loops; less is better"),
    "volume_error": ("Volume error", "difference in volume, over that of the truth; less is better"),
    "expected_calibration_error": ("Calibration error", "how far probabilities are off in the mean; less is better"),
}
"""For each metric its name, and what it says."""


@dataclass(frozen=True)
class Row:
    """A row of the table of scores.

    Attributes:
        name: of the case.
        number: of its section on the page, from 1.
        cells: a number and its text for each metric.
        share: of a bar for the metric that orders, from 0 to 1; None without one.
    """

    name: str
    number: int
    cells: list[tuple[float | None, str]]
    share: float | None


def is_less_better(metric: str) -> bool:
    """Tell whether a lower number of a metric is the better one."""
    return metric.endswith("_error") or metric.startswith("hausdorff")


def metrics_of(metrics: Mapping[str, Any], cases: Sequence[Case]) -> list[str]:
    """Return the names of the metrics that there are, without those of single classes."""
    names = [*(metrics.get("mean") or {}), *(name for case in cases for name in case.scores)]
    return [name for name in dict.fromkeys(names) if "." not in name]


def worst_first(cases: Sequence[Case], metric: str | None) -> list[Case]:
    """Return cases by a metric, the worst first; those without it come last, by name."""

    def key(case: Case) -> tuple[bool, float]:
        value = case.scores.get(metric or "")
        return (True, 0.0) if value is None else (False, -value if is_less_better(metric or "") else value)

    return sorted(cases, key=key)


def ordering_metric(asked: str, names: Sequence[str]) -> str | None:
    """Return the metric that orders the cases: the one asked for, or the first that there is.

    Raises:
        UserError: for one that was not scored.
    """
    if asked and names and asked not in names:
        refuse(f"--sort_by {asked}", "was not scored", f"give one of {', '.join(names)}")
    return asked or ("dice" if "dice" in names else next(iter(names), None))


def rows(cases: Sequence[Case], names: Sequence[str], metric: str | None) -> list[Row]:
    """Return the rows of the table, in the order of the cases."""
    found = []
    for number, case in enumerate(cases, start=1):
        value = case.scores.get(metric or "")
        between = value is not None and 0 <= value <= 1 and not is_less_better(metric or "")
        cells = [(case.scores.get(name), cell(case.scores.get(name))) for name in names]
        found.append(Row(case.name, number, cells, value if between else None))
    return found


def by_class(scores: Mapping[str, float | None], names: Sequence[str]) -> dict[str, list[str]]:
    """Return a row of cells for each class, `METRIC.CLASS` of a case; none for a single class."""
    classes = dict.fromkeys(name.partition(".")[2] for name in scores if "." in name)
    return {each: [cell(scores.get(f"{name}.{each}")) for name in names] for each in classes}


def cell(value: float | None) -> str:
    """Return a number as the table shows it; `–` for what is undefined."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"


def name_of(metric: str) -> str:
    """Return the name of a metric in words."""
    return WORDS.get(metric, (metric.replace("_", " ").capitalize(), ""))[0]


def meaning_of(metric: str) -> str:
    """Return what a metric says, or nothing where that is not known."""
    return WORDS.get(metric, ("", ""))[1]
