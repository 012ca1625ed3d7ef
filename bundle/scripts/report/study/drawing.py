"""Pictures made of panels: side by side in a file, one below the other on a phone.

Figures are drawn on their own Agg canvas, as in `scripts.report.figure`. Lengths are in inches.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..page.picture import Picture
from ..panel import line_style
from ..theme import Theme, font, shortened, showable
from .record import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Entries = list[tuple[dict[str, Any], str]]  # of a legend: what the line looks like, and words

WIDTH, HEIGHT = 3.9, 3.1  # of the axes of a panel; wider, its words would be too small on a phone
LEFT, BELOW, ABOVE, GAP = 0.75, 0.65, 0.45, 0.35  # room around them
LINE = 0.215  # of a legend
ENTRY_WIDTH, NAME_WIDTH = 300, 190  # pixels of an entry, and of a name beside an axis, at 100 dots an inch
DPI = 130


@dataclass(frozen=True)
class Panel:
    """One panel of a picture.

    Attributes:
        draw: draws on axes in a theme, and returns the entries of the legend.
        height: of the axes.
        left: room for what stands left of them.
    """

    draw: Callable[[Axes, Theme], Entries]
    height: float = HEIGHT
    left: float = LEFT


@dataclass(frozen=True)
class Drawing:
    """A picture of a study.

    Attributes:
        what: its name in a record, such as `roc`.
        title: its heading.
        words: what is seen, for somebody who sees such a picture for the first time.
        panels: in the order of reading.
        columns: how many stand side by side in a file.
        tiles: pictures of voxels, instead of panels.
        legend: a colour and words for each colour on the tiles.
    """

    what: str
    title: str
    words: str
    panels: Sequence[Panel] = ()
    columns: int = 2
    tiles: Sequence[Picture] = ()
    legend: Sequence[tuple[str, str]] = field(default_factory=tuple)


def dress(axes: Axes, title: str, across: str, up: str, theme: Theme) -> None:
    """Give axes a title, names, and the colours of a theme."""
    axes.set_title(showable(title), color=theme.text, loc="left", pad=9, **font(12))
    axes.set_xlabel(showable(across), color=theme.text, **font(10.5))
    axes.set_ylabel(showable(up), color=theme.text, **font(10.5))
    axes.tick_params(colors=theme.dim, labelsize=9.5)
    axes.grid(color=theme.frame, linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color(theme.frame)


def name_ticks(axes: Axes, along: str, places: Sequence[float], names: Sequence[str], theme: Theme) -> None:
    """Name places along an axis, `x` or `y`, by words that are no formulas."""
    lines = [[shortened(line, 9.5, NAME_WIDTH) for line in name.split("\n")] for name in names]
    getattr(axes, f"set_{along}ticks")(places, ["\n".join(each) for each in lines])
    for text in getattr(axes, f"get_{along}ticklabels")():
        text.set(color=theme.text, **font(9.5))


def style_of(study: Study, variant: str, theme: Theme) -> dict[str, Any]:
    """Return the colour, dashes and mark of a variant, the same in all pictures."""
    return line_style(study.variants.index(variant), theme)


def figure_of(panels: Sequence[Panel], theme: Theme, columns: int = 1) -> Figure:
    """Draw panels in rows, each with its legend below; one that all share stands once."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1), dpi=DPI, facecolor=theme.ground)
    FigureCanvasAgg(figure)
    drawn = []
    for panel in panels:
        axes = figure.add_axes((0, 0, 1, 1), facecolor=theme.ground)
        figure.set_size_inches(WIDTH, panel.height)  # what is drawn may measure itself
        drawn.append((axes, panel.draw(axes, theme)))
    columns = min(columns, len(panels))
    last = (len(panels) - 1) // columns * columns
    if len(panels) > 1 and all(entries == drawn[0][1] for _, entries in drawn):
        drawn = [(axes, entries if i == last else []) for i, (axes, entries) in enumerate(drawn)]
    rows = [range(i, min(i + columns, len(panels))) for i in range(0, len(panels), columns)]
    lefts = [max(panel.left for panel in panels[i::columns]) for i in range(columns)]
    width = sum(lefts) + columns * (WIDTH + GAP)
    heights = [
        ABOVE + max(panels[i].height for i in row) + BELOW + LINE * max(len(drawn[i][1]) for i in row) for row in rows
    ]
    figure.set_size_inches(width, sum(heights))
    top = sum(heights)
    for row, height in zip(rows, heights, strict=True):
        for column, i in enumerate(row):
            left = sum(lefts[: column + 1]) + column * (WIDTH + GAP)
            axes, entries = drawn[i]
            own = panels[i].height
            axes.set_position((left / width, (top - ABOVE - own) / sum(heights), WIDTH / width, own / sum(heights)))
            _add_legend(axes, entries, own, theme)
        top -= height
    return figure


def _add_legend(axes: Axes, entries: Entries, height: float, theme: Theme) -> None:
    """Add a legend below axes of a height."""
    from matplotlib.lines import Line2D

    if not entries:
        return
    handles = [Line2D([], [], **{"markersize": 5, **style}) for style, _ in entries]
    place = {"loc": "upper left", "bbox_to_anchor": (0, -(BELOW - 0.1) / height), "borderaxespad": 0}
    words = ["·"] * len(entries)  # a name with an underscore before it would be left out
    legend = axes.legend(handles, words, fontsize=9, frameon=False, handlelength=3, labelcolor=theme.text,
                         borderpad=0, **place)  # fmt: skip
    for text, (_, entry) in zip(legend.get_texts(), entries, strict=True):
        text.set(text=shortened(entry, 9.5, ENTRY_WIDTH), **font(9.5))


def save(figure: Figure, file: Any) -> None:
    """Write a figure as a PNG into a file, as large as what is drawn."""
    figure.savefig(file, format="png", bbox_inches="tight", pad_inches=0.15, facecolor=figure.get_facecolor())


def png_of(figure: Figure, colours: int = 96) -> tuple[bytes, int, int]:
    """Return a figure as a small PNG, with its width and height in pixels."""
    from PIL import Image

    file, small = io.BytesIO(), io.BytesIO()
    save(figure, file)
    picture = Image.open(file).convert("RGB")
    picture.quantize(colours, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue(), *picture.size
