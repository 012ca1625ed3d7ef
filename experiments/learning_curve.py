"""A picture of how scores grow with the steps of a training, by kind of image and in the mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.core import write_whole
from scripts.report import theme_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from scripts.report.theme import Theme

SHOWN = {"average_precision": "AP", "best_dice": "best Dice"}
MEAN = "mean over kinds"
MAX_COLUMNS = 5  # of a legend
Points = Mapping[float, Mapping[str, Mapping[str, float]]]
"""`{step: {score: {kind, or the mean: value}}}`."""


def steps_of(names: Sequence[str]) -> list[int]:
    """Return the step of each weights file: the last number of its name, if all differ; else its place in the list."""
    numbers = [re.findall(r"\d+", Path(name).stem) for name in names]
    steps = [int(each[-1]) for each in numbers if each]
    return steps if len(steps) == len(set(steps)) == len(names) else list(range(1, len(names) + 1))


@contextmanager
def panels(path: Path, titles: Sequence[str], xlabel: str) -> Iterator[tuple[Sequence[Axes], Theme]]:
    """Draw panels side by side, with one legend below them, and write them at the end of the block.

    Args:
        path: the PNG.
        titles: of the panels.
        xlabel: what lies along all of them.

    Yields:
        The panels to draw in, and the theme with their colours.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    theme = theme_of("light")
    figure = Figure(figsize=(12, 5), dpi=120, facecolor=theme.ground, layout="constrained")
    FigureCanvasAgg(figure)
    all_axes = np.atleast_1d(figure.subplots(1, len(titles)))
    for axes, title in zip(all_axes, titles, strict=True):
        axes.set_facecolor(theme.ground)
        axes.set_title(title, color=theme.text)
        axes.set_xlabel(xlabel, color=theme.dim)
        axes.grid(color=theme.frame, linewidth=0.5)
    yield all_axes, theme
    handles, labels = all_axes[0].get_legend_handles_labels()
    columns = min(len(labels), MAX_COLUMNS)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=9, frameon=False)
    write_whole(path, lambda temporary: figure.savefig(temporary, format="png"))


def write_learning_curve(path: Path, points: Points, lines: Mapping[str, float] | None = None) -> None:
    """Write a panel a score, a line a kind.

    Args:
        path: the PNG.
        points: at least two steps.
        lines: best Dice of what is no training, by name; a dotted line each.
    """
    steps, heights = sorted(points), sorted((lines or {}).items(), key=lambda line: line[1])
    with panels(path, list(SHOWN.values()), "step") as (all_axes, theme):
        for axes, score in zip(all_axes, SHOWN, strict=True):
            kinds = sorted({kind for step in steps for kind in points[step][score]} - {MEAN})
            for number, kind in enumerate([MEAN, *kinds]):
                values = [points[step][score].get(kind, float("nan")) for step in steps]
                look: dict[str, Any] = {"color": theme.lines[(number - 1) % len(theme.lines)], "linewidth": 1.2}
                if kind == MEAN:
                    look = {"color": theme.text, "linewidth": 2.5}
                axes.plot(steps, values, marker="o", markersize=4, label=kind, **look)
            for number, (name, value) in enumerate(heights if score == "best_dice" else ()):
                axes.axhline(value, color=theme.dim, linewidth=1, linestyle=":")
                side = -1 if number % 2 else 0  # by turns, so that names of lines close together stay apart
                place = {"va": "bottom", "ha": "right" if side else "left", "fontsize": 8, "color": theme.dim}
                axes.annotate(name, (steps[side], value), **place)
