"""Metrics along a number: the side of a block, or how many kinds of image trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..page.score import name_of
from ..panel import line_style
from ..theme import Theme
from .drawing import Drawing, Entries, Panel, dress, name_ticks
from .finding import FINE_TUNED, FROM_SCRATCH, RANKS, ZERO_SHOT, blocks_of, sides_of
from .record import Study, Trial
from .summary import Estimate, estimate, metrics_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SECOND = ("dice", "average_precision", "auroc", "cldice")

Along = Mapping[int, Estimate]  # by the place along the axis


def along(study: Study, groups: Mapping[int, Sequence[Trial]], metric: str) -> dict[int, Estimate]:
    """Return the estimates of a metric by the place of each group along the axis."""
    found = {place: estimate(trials, metric, study.kind_of) for place, trials in sorted(groups.items())}
    return {place: each for place, each in found.items() if each is not None}


def size_drawing(study: Study) -> Drawing | None:
    """Return two metrics by the side of the block; None where nothing is scored."""
    words = (
        "The mean over volumes and seeds; the bar is the standard deviation over seeds, each small dot one seed. The "
        "horizontal line is the shipped weights without any tuning. Where a line crosses it, tuning begins to pay. The "
        "largest block is as large as its volume has room for, so its side may differ from volume to volume."
    )
    blocks = {method: blocks_of(study, method) for method in (FINE_TUNED, FROM_SCRATCH)}
    ranks = {rank: trials for each in blocks.values() for rank, trials in each.items()}
    order = sorted(ranks, key=lambda rank: RANKS.index(rank) if isinstance(rank, str) else rank)
    names = [f"{rank}\n{sides_of(ranks[rank])}" if isinstance(rank, str) else f"{rank:g}" for rank in order]
    none = [trial for trial in study.done if trial.about.get("method") == ZERO_SHOT]
    groups = {method: {order.index(rank): each for rank, each in of.items()} for method, of in blocks.items()}
    across = (
        "labelled block" if any(isinstance(rank, str) for rank in order) else "side of the labelled block in voxels"
    )
    return _drawing(study, groups, names, none, "sizes", "How large a block has to be", words, across)


def kind_drawing(study: Study) -> Drawing | None:
    """Return two metrics by the number of kinds trained on; None where nothing is scored."""
    words = (
        "Scored on kinds of image that were never trained on. A thin line is one seed, the bold one their mean over "
        "seeds; volumes of one kind are averaged first, and then kinds."
    )
    numbers = sorted({trial.about["kinds"] for trial in study.done if trial.about.get("kinds") is not None})
    groups = {"": {n: [t for t in study.done if t.about.get("kinds") == number] for n, number in enumerate(numbers)}}
    names = [f"{number:g}" for number in numbers]
    title, across = "More kinds of image in training", "kinds of image trained on"
    return _drawing(study, groups, names, [], "kinds", title, words, across)


def _drawing(
    study: Study, groups: Mapping[str, Mapping[int, Sequence[Trial]]], names: Sequence[str], none: Sequence[Trial],
    what: str, title: str, words: str, across: str,
) -> Drawing | None:  # fmt: skip
    """Return a picture of two metrics along an axis.

    Args:
        study: its record.
        groups: trials by method and place along the axis.
        names: of the places.
        none: trials without any tuning.
        what: name of the picture.
        title: of the picture.
        words: on the picture.
        across: name of the axis.
    """
    others = [metric for metric in SECOND if metric in metrics_of(study) and metric != study.metric]
    panels = []
    for metric in [study.metric, *others[:1]]:
        lines = {method: along(study, each, metric) for method, each in groups.items()}
        if any(lines.values()):
            panels.append(Panel(_panel(lines, names, estimate(none, metric, study.kind_of), metric, across)))
    return Drawing(what, title, words, panels) if panels else None


def _panel(
    lines: Mapping[str, Along], names: Sequence[str], level: Estimate | None, metric: str, across: str
) -> Callable[[Axes, Theme], Entries]:
    """Return what draws a metric along an axis of even steps, a line for each method."""

    def draw(axes: Axes, theme: Theme) -> Entries:
        """Draw the panel."""
        entries: Entries = []
        for n, (method, line) in enumerate(lines.items()):
            if not line:
                continue
            style = line_style(n, theme)
            seeds = sorted({seed for each in line.values() for seed in each.values})
            for seed in seeds:
                own = [(place, each.values[seed]) for place, each in line.items() if seed in each.values]
                thin = {"marker": ".", "linewidth": 0.8 * (not method), "alpha": 0.55, "color": style["color"]}
                axes.plot(*zip(*own, strict=True), **thin)
            x, means = list(line), [each.mean for each in line.values()]
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
        axes.set_xlim(-0.4, len(names) - 0.6)
        name_ticks(axes, "x", range(len(names)), names, theme)
        return entries

    return draw
