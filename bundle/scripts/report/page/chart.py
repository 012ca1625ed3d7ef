"""Charts that take their colours from the page they stand in: curves and histograms as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scripts.metrics import AREAS, KINDS, MIN_RECALL

from .case import Case, numbers_of

SIDE, LEFT, BOTTOM, TOP, RIGHT = 240, 46, 42, 10, 12
"""Of the panel, and of the room around it, in the units of the SVG, which are pixels on a phone."""
MAX_NAMED = 6  # lines with a colour and a name; of more, only the mean has one
BINS = 24
KIND_NAMES = {"roc": "ROC curve", "precision_recall": "Precision and recall"}
KIND_WORDS = {
    "roc": "Further to the upper left is better. The dot is where the threshold lies; the dashed line is chance.",
    "precision_recall": "Further to the upper right is better. The dot is where the threshold lies; the dashed line is "
    "chance, the share of vessel.",
}


@dataclass
class Line:
    """A line of a chart: its points as SVG has them, how it looks, and its name in the legend."""

    points: str
    look: str
    name: str = ""


@dataclass
class Chart:
    """A chart; places are in the units of its SVG.

    Attributes:
        title: above it.
        words: below it, what it says.
        across: what runs to the right, with the unit.
        up: what runs upwards.
        x: place and words of each tick on the horizontal axis.
        y: likewise of the vertical one.
        lines: drawn in this order.
        marks: place `(x, y)`, radius and look of each dot.
        bars: `(x, y, width, height)` of each.
    """

    title: str
    words: str
    across: str
    up: str
    x: list[tuple[float, str]] = field(default_factory=list)
    y: list[tuple[float, str]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    marks: list[tuple[float, float, float, str]] = field(default_factory=list)
    bars: list[tuple[float, float, float, float]] = field(default_factory=list)

    width, height = LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM
    left, top, right, bottom = LEFT, TOP, LEFT + SIDE, TOP + SIDE

    @property
    def named(self) -> list[Line]:
        """The lines that stand in the legend."""
        return [line for line in self.lines if line.name]


def _place(x: Any, y: Any, most: tuple[float, float] = (1.0, 1.0)) -> tuple[np.ndarray, np.ndarray]:
    """Return places in the SVG, of numbers from 0 to `most` along both axes."""
    return LEFT + SIDE * np.asarray(x, float) / most[0], TOP + SIDE * (1 - np.asarray(y, float) / most[1])


def _points(x: Any, y: Any, most: tuple[float, float] = (1.0, 1.0)) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(*_place(x, y, most), strict=True))


def _unit_chart(title: str, words: str, across: str, up: str) -> Chart:
    """Return an empty chart with both axes from 0 to 1."""
    ticks = np.linspace(0, 1, 6)
    x, y = _place(ticks, ticks)
    shown = [f"{tick:g}" for tick in ticks.round(1)]
    return Chart(title, words, across, up, [*zip(x, shown, strict=True)], [*zip(y, shown, strict=True)])


def curve_chart(
    kind: str, cases: Mapping[str, Mapping[str, Any]], mean: Mapping[str, Any] | None = None
) -> Chart | None:
    """Return the curves of cases with their marks at the threshold; None where none is defined.

    Args:
        kind: `roc` or `precision_recall`.
        cases: curves by name, as `scripts.metrics.curves_of` returns them.
        mean: of all, where there are several.
    """
    across, up, area = KINDS[kind]
    drawn = {name: curves for name, curves in cases.items() if curves.get(kind)}
    if not drawn:
        return None
    names = {"false_positive_rate": "false positive rate", "recall": "recall (share of the truth that is found)"}
    names["precision"] = "precision (share of what is found that is true)"
    chart = _unit_chart(KIND_NAMES[kind], KIND_WORDS[kind], names[across], names[up])
    fraction = (mean or next(iter(drawn.values()))).get("vessel_fraction") or 0
    chance = ([0, 1], [0, 1]) if kind == "roc" else ([0, 1], [fraction] * 2)
    chart.lines.append(Line(_points(*chance), "chance"))
    few = len(drawn) <= MAX_NAMED
    everyone = [*((f"line-{at}" if few else "line-many", name, each) for at, (name, each) in enumerate(drawn.items()))]
    if mean is not None and mean.get(kind):
        everyone.append(("line-mean", f"mean of {len(drawn)}", mean))
    for look, name, curves in everyone:
        x, y = (np.asarray(curves[kind][each], float) for each in (across, up))
        if kind == "precision_recall":  # below, it is that of a handful of voxels
            x, y = x[x >= MIN_RECALL], y[x >= MIN_RECALL]
        value = curves.get(area)
        words = f"{name}: {AREAS[area]} {value:.3f}" if value is not None else name
        chart.lines.append(Line(_points(x, y), look, words if few or look == "line-mean" else ""))
        at = curves.get("at_threshold") or {}
        if at.get(across) is not None and at.get(up) is not None:
            x, y = _place(at[across], at[up])
            chart.marks.append((float(x), float(y), 5 if look == "line-mean" or len(drawn) == 1 else 3.5, look))
    return chart


def calibration_chart(calibration: Mapping[str, Any] | None, name: str = "") -> Chart | None:
    """Return how often what is predicted with some probability is vessel; None without figures.

    Args:
        calibration: `probability`, `vessel` and `voxels` of bins, as `scripts.metrics.curves_of` returns them.
        name: of the line, in the legend.
    """
    if not calibration or not calibration.get("probability"):
        return None
    told = "On the dashed line, of the voxels that are given 70 %, 70 % are vessel. Below it the network is too sure, "
    chart = _unit_chart("Calibration", f"{told}above it not sure enough. Larger dots stand for more voxels.",
                        "predicted probability", "share that is vessel")  # fmt: skip
    rows = zip(*(calibration[each] for each in ("probability", "vessel", "voxels")), strict=True)
    rows = [(x, y, n) for x, y, n in rows if n and x is not None and y is not None]
    if not rows:
        return None
    x, y, voxels = np.asarray(rows, float).T
    chart.lines += [Line(_points([0, 1], [0, 1]), "chance"), Line(_points(x, y), "line-0", name)]
    radii = 2.5 + 4.5 * np.log1p(voxels) / np.log1p(voxels.max())
    chart.marks = [(float(a), float(b), float(r), "line-0") for a, b, r in zip(*_place(x, y), radii, strict=True)]
    return chart


def histogram(title: str, words: str, values: Sequence[float], across: str) -> Chart | None:
    """Return how many branches have which radius or length, with their median; None for none.

    Args:
        title: of the chart.
        words: below it.
        values: a number a branch, 0 or more.
        across: what the numbers are, with their unit.
    """
    numbers = np.asarray([value for value in values if np.isfinite(value)], float)
    if not numbers.size:
        return None
    ticks = nice_ticks(float(numbers.max()) or 1.0)
    counts, edges = np.histogram(numbers, BINS, (0, ticks[-1]))
    heights = nice_ticks(float(counts.max()), whole=True)
    most = ticks[-1], heights[-1]
    x, _ = _place(ticks, 0, most)
    _, y = _place(0, heights, most)
    chart = Chart(title, words, across, "branches", [*zip(x, map("{:g}".format, ticks), strict=True)],
                  [*zip(y, map("{:g}".format, heights), strict=True)])  # fmt: skip
    left, top = _place(edges, [*counts, 0], most)
    chart.bars = [
        (left[at] + 0.5, top[at], SIDE / BINS - 1, chart.bottom - top[at]) for at in range(BINS) if counts[at]
    ]
    median = float(np.median(numbers))
    chart.lines.append(Line(_points([median] * 2, [0, most[1]], most), "median", f"median {median:.3g}"))
    return chart


def branch_charts(case: Case, unit: str) -> list[Chart]:
    """Return the histograms of radius and length of a case's branches.

    Args:
        case: with the table of branches.
        unit: of lengths.

    Raises:
        UserError: for a table that cannot be read.
    """
    if case.branches is None:
        return []
    columns = numbers_of(case.branches, ("radius_mean", "length"))
    charts = (
        histogram(
            "Radius", "How many branches have which mean radius.", columns["radius_mean"], f"mean radius ({unit})"
        ),
        histogram(
            "Length", "How many branches are how long along their course.", columns["length"], f"length ({unit})"
        ),
    )
    return [chart for chart in charts if chart is not None]


def nice_ticks(most: float, whole: bool = False) -> np.ndarray:
    """Return ticks from 0 to at least `most`, by steps of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(most / 5))
    step = next(each * power for each in (1, 2, 5, 10) if each * power * 5 >= most * (1 - 1e-9))
    step = max(1.0, step) if whole else step
    return step * np.arange(np.ceil(most / step - 1e-9) + 1)
