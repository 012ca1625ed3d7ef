"""Scores of variants as dots, one for each seed, with their mean and standard deviation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..page.score import is_less_better, name_of
from ..theme import Theme
from .drawing import Drawing, Entries, Panel, dress, name_ticks, style_of
from .record import Study
from .summary import Row, metrics_of, summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = 1.75  # inches left of the axes for names of variants
ROW, EDGE = 0.42, 0.35  # inches for a variant, and above and below all
BESIDE = 0.2  # of a row, by which seeds lie below their mean, which would hide some
SECOND = (
    "dice",
    "average_precision",
    "cldice",
    "auroc",
)  # which is shown beside the study's metric, the first there is


def score_drawing(study: Study) -> Drawing | None:
    """Return the scores of all variants by two metrics; None where there are none."""
    rows = [row for row in summary(study) if row.of[study.metric] is not None]
    if not rows:
        return None
    scored = [name for name in metrics_of(study) if any(row.of[name] is not None for row in rows)]
    second = next((name for name in SECOND if name in scored and name != study.metric), None)
    metrics = [study.metric, *([second] if second else [])]
    words = (
        "Each small dot is one seed, its mean over volumes; the large mark above is the mean over seeds, the bar the "
        "standard deviation. Bars may overlap and yet one variant lead with every seed, for a seed moves all alike: "
        "which is better is told by the verdict above, which compares seed by seed."
    )
    height = 2 * EDGE + ROW * len(rows)
    panels = [Panel(_panel(study, rows, metric), height, NAMES) for metric in metrics]
    return Drawing("scores", "Scores on what was held out", words, panels)


def _panel(study: Study, rows: Sequence[Row], metric: str) -> Callable[[Axes, Theme], Entries]:
    """Return what draws the scores of one metric, the best variant on top."""

    def draw(axes: Axes, theme: Theme) -> Entries:
        """Draw the panel."""
        for place, row in enumerate(rows):
            scored = row.of[metric]
            if scored is None:
                continue
            style = style_of(study, row.variant, theme)
            for value in scored.values.values() if len(scored.values) > 1 else ():
                axes.plot([value], [place + BESIDE], "o", color=style["color"], markersize=4, alpha=0.8)
            if scored.deviation is not None:
                ends = [scored.mean - scored.deviation, scored.mean + scored.deviation]
                axes.plot(ends, [place, place], color=style["color"], linewidth=2.2, solid_capstyle="butt", alpha=0.9)
            axes.plot([scored.mean], [place], style["marker"], color=style["color"], markersize=9,
                      markeredgecolor=theme.ground, markeredgewidth=1)  # fmt: skip
        less = ", less is better" if is_less_better(metric) else ""
        dress(axes, name_of(metric), f"{name_of(metric)} on what was held out{less}", "", theme)
        axes.set_ylim(len(rows) - 0.5 + 0.1, -0.6)
        axes.margins(x=0.08)
        axes.grid(axis="y", visible=False)
        axes.locator_params(axis="x", nbins=6)
        name_ticks(axes, "y", range(len(rows)), [row.variant for row in rows], theme)
        return []

    return draw
