"""Metrics along a number: the side of a block, or how many kinds of image trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..page.score import name_of
from ..panel import line_style
from ..theme import Theme
from .drawing import Drawing, Entries, Panel, dress, name_ticks
from .finding import FINE_TUNED, FROM_SCRATCH, ZERO_SHOT
from .record import Study, Trial
from .summary import Estimate, estimate, metrics_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METHODS = (FINE_TUNED, FROM_SCRATCH, ZERO_SHOT)
SECOND = ("dice", "average_precision", "auroc", "cldice")

Along = Mapping[float, Estimate]  # by the number along the axis


def along(study: Study, trials: Sequence[Trial], name: str, metric: str) -> dict[float, Estimate]:
    """Return the estimates of a metric by a number that trials are about."""
    numbers = sorted({trial.about[name] for trial in trials if trial.about.get(name) is not None})
    found = {n: estimate([t for t in trials if t.about.get(name) == n], metric, study.kind_of) for n in numbers}
    return {number: each for number, each in found.items() if each is not None}


def size_drawing(study: Study) -> Drawing | None:
    """Return two metrics by the side of the block; None where nothing is scored."""
    return _drawing(
        study, "size", "sizes", "How large a block has to be",
        "The mean over volumes and seeds; the bar is the standard deviation over seeds, each small dot one seed. The "
        "horizontal line is the shipped weights without any tuning. Where a line crosses it, tuning begins to pay.",
        "side of the labelled block in voxels",
    )  # fmt: skip


def kind_drawing(study: Study) -> Drawing | None:
    """Return two metrics by the number of kinds trained on; None where nothing is scored."""
    return _drawing(
        study, "kinds", "kinds", "More kinds of image in training",
        "Scored on kinds of image that were never trained on. A thin line is one seed, the bold one their mean over "
        "seeds; volumes of one kind are averaged first, and then kinds.",
        "kinds of image trained on",
    )  # fmt: skip


def _drawing(study: Study, name: str, what: str, title: str, words: str, across: str) -> Drawing | None:
    """Return a picture of two metrics along a number."""
    others = [metric for metric in SECOND if metric in metrics_of(study) and metric != study.metric]
    panels = []
    for metric in [study.metric, *others[:1]]:
        methods = METHODS if what == "sizes" else (None,)
        groups = {method: [t for t in study.done if t.about.get("method") == method or method is None]
                  for method in methods}  # fmt: skip
        lines = {method: along(study, trials, name, metric) for method, trials in groups.items() if method != ZERO_SHOT}
        level = estimate(groups.get(ZERO_SHOT, []), metric, study.kind_of)
        if any(lines.values()):
            panels.append(Panel(_panel({each or "": found for each, found in lines.items()}, level, metric, across)))
    return Drawing(what, title, words, panels) if panels else None


def _panel(
    lines: Mapping[str, Along], level: Estimate | None, metric: str, across: str
) -> Callable[[Axes, Theme], Entries]:
    """Return what draws a metric along a number, a line for each method."""
    numbers = sorted({number for line in lines.values() for number in line})
    place = {number: float(n) for n, number in enumerate(numbers)}  # 32, 64 and 128 stand equally far apart

    def draw(axes: Axes, theme: Theme) -> Entries:
        """Draw the panel."""
        entries: Entries = []
        for n, (method, line) in enumerate(lines.items()):
            if not line:
                continue
            style = line_style(n, theme)
            seeds = sorted({seed for each in line.values() for seed in each.values})
            for seed in seeds:
                own = [(place[number], each.values[seed]) for number, each in line.items() if seed in each.values]
                thin = {"marker": ".", "linewidth": 0.8 * (not method), "alpha": 0.55, "color": style["color"]}
                axes.plot(*zip(*own, strict=True), **thin)
            x, means = [place[number] for number in line], [each.mean for each in line.values()]
            axes.plot(x, means, **style, linewidth=2.2, markersize=7, markeredgecolor=theme.ground)
            for at, each in zip(x, line.values(), strict=True):
                if each.deviation is not None:
                    ends = [each.mean - each.deviation, each.mean + each.deviation]
                    axes.plot([at, at], ends, color=style["color"], linewidth=1.6)
            entries.append(({**style, "linewidth": 2.2}, method or "mean over seeds"))
        if level is not None:
            flat = {"color": theme.text, "linewidth": 1.5, "linestyle": (0, (1, 1.5))}
            axes.axhline(level.mean, **flat)
            entries.append((flat, f"without any tuning  {level.mean:.3f}"))
        dress(axes, name_of(metric), across, f"{name_of(metric)} on what was held out", theme)
        axes.set_xlim(-0.4, len(numbers) - 0.6)
        name_ticks(axes, "x", range(len(numbers)), [f"{number:g}" for number in numbers], theme)
        return entries

    return draw
