"""A square panel of axes from 0 to 1, its lines, and the legend beside it.

Figures are drawn on their own Agg canvas, as in `figure.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.core import write_whole

from .theme import Theme, font

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHES = ("-", (0, (6, 2)), (0, (6, 2, 1.5, 2)), (0, (1.5, 1.5)))
MARKS = ("o", "s", "^", "D", "v", "P")
"""Lines differ in colour, dashes and mark, so that they are told apart in grey too."""

MAX_COLOURED = 12  # cases; more are grey
Entries = list[tuple[dict[str, Any], str]]  # of a legend: what the line looks like, and words


def line_style(number: int, theme: Theme) -> dict[str, Any]:
    """Return the colour, the dashes and the mark of a line by its number."""
    colours = len(theme.lines)
    dashes = DASHES[(number + number // colours) % len(DASHES)]  # the same colour again has other dashes
    return {"color": theme.lines[number % colours], "linestyle": dashes, "marker": MARKS[number % len(MARKS)]}


def square_panels(number: int, theme: Theme) -> tuple[Figure, list[Axes]]:
    """Make a figure with square panels side by side.

    What stands around the panels gets its room when the figure is saved.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    side, gap = 5.2, 0.9  # inches
    width = number * (side + gap)
    figure = Figure(figsize=(width, side), dpi=130, facecolor=theme.ground)
    FigureCanvasAgg(figure)
    places = [(i * (side + gap) / width, 0, side / width, 1) for i in range(number)]
    return figure, [figure.add_axes(place, facecolor=theme.ground) for place in places]


def finish(axes: Axes, title: str, across: str, up: str, entries: Entries, theme: Theme) -> None:
    """Add axes from 0 to 1, their names and a legend."""
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_title(title, color=theme.text, fontsize=12, loc="left", pad=10)
    axes.set_xlabel(across, color=theme.text, fontsize=11)
    axes.set_ylabel(up, color=theme.text, fontsize=11)
    ticks = np.linspace(0, 1, 6)
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.tick_params(colors=theme.dim, labelsize=9)
    axes.grid(color=theme.frame, linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color(theme.frame)
    _add_legend(axes, entries, theme)


def _add_legend(axes: Axes, entries: Entries, theme: Theme) -> None:
    """Add a legend beside a single panel, or inside one of two where it hides least."""
    from matplotlib.lines import Line2D

    single = len(axes.figure.axes) == 1
    place = {"loc": "upper left", "bbox_to_anchor": (1.03, 1.0), "borderaxespad": 0} if single else {"loc": "best"}
    look = {"labelcolor": theme.text, "facecolor": theme.ground, "edgecolor": theme.frame, "framealpha": 0.85}
    handles = [Line2D([], [], **{"markersize": 5, **style}) for style, _ in entries]
    words = ["·"] * len(entries)  # a name with an underscore before it would be left out
    legend = axes.legend(handles, words, fontsize=9, handlelength=3.4, **look, **place)
    for text, (_, entry) in zip(legend.get_texts(), entries, strict=True):
        text.set(text=entry, **font(9))


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG, as large as what is drawn."""
    fit = {"bbox_inches": "tight", "pad_inches": 0.2, "facecolor": figure.get_facecolor()}
    write_whole(path, lambda temporary: figure.savefig(temporary, format="png", **fit))
