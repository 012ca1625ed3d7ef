"""A figure of several pictures: where each lies, title, captions, legend, scale bar.

All lengths are in pixels. Figures are drawn on their own Agg canvas, so that neither a display nor pyplot's global
state is touched. Matplotlib is imported where it is used, because drawing is rare and start-up should not pay for it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scripts.core import write_whole

from .theme import Theme, font, shortened, showable, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 100
TITLE, WORDS, CAPTION = 12, 9, 9  # points
EDGE, GAP, LINE, CAPTION_HEIGHT, SWATCH = 15, 14, 19, 24, 14
MAX_ROW = 1420
LEAST_WIDTH = 360


@dataclass(frozen=True)
class Panel:
    """One picture of a figure.

    Attributes:
        width: of the picture.
        height: of the picture.
        caption: above it.
    """

    width: int
    height: int
    caption: str

    @property
    def room(self) -> int:
        """Return the width of the picture or of its caption, whichever is wider."""
        return max(self.width, int(np.ceil(width_of(self.caption, CAPTION))))


@dataclass(frozen=True)
class Entry:
    """An entry of a legend: words, and before them a square of a colour, or a bar of several.

    Attributes:
        words: what the colour means.
        colours: a colour as Matplotlib names it, or several from left to right; none for a remark.
    """

    words: str
    colours: tuple[str, ...] = ()

    @property
    def swatch(self) -> int:
        """Return the width of the colours."""
        return 0 if not self.colours else SWATCH if len(self.colours) == 1 else 5 * SWATCH

    @property
    def room(self) -> int:
        """Return how wide the entry is."""
        return int(np.ceil(self.swatch + 6 * bool(self.colours) + width_of(self.words, WORDS)))


def lay_out(
    rows: Sequence[Sequence[Panel]],
    title: str,
    lines: Sequence[str],
    legend: Sequence[Entry],
    theme: Theme,
    cell: int = 0,
) -> tuple[Figure, list[Axes]]:
    """Make a figure with axes for each picture, as large as what it holds.

    Args:
        rows: the pictures of each row.
        title: the first line; may be empty, and is shortened if it is too long.
        lines: lines below it.
        legend: below the pictures.
        theme: of the figure.
        cell: least width of the room for a picture.

    Returns:
        The figure, and the axes in the order of the pictures.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = [showable(line) for line in lines]
    rooms = [[max(cell, panel.room) for panel in row] for row in rows]
    wide = [sum(row) + GAP * (len(row) - 1) for row in rooms]
    wide += [LEAST_WIDTH, *(int(np.ceil(width_of(line, WORDS))) for line in lines), *(each.room for each in legend)]
    width = max(wide) + 2 * EDGE
    legend_rows = _wrapped(legend, width - 2 * EDGE)
    top = EDGE + (LINE + 8) * bool(title) + LINE * len(lines) + 4 * bool(title or lines)
    heights = [CAPTION_HEIGHT + max(panel.height for panel in row) for row in rows]
    bottom = 8 + LINE * len(legend_rows) if legend_rows else 0
    height = top + sum(heights) + GAP * (len(rows) - 1) + bottom + EDGE

    figure = Figure(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH, facecolor=theme.ground)
    FigureCanvasAgg(figure)

    def write(x: float, y: float, words: str, colour: str, size: float) -> None:
        """Write words whose middle line is `y` pixels below the top."""
        figure.text(x / width, 1 - y / height, words, color=colour, va="center_baseline", **font(size))

    if title:
        write(EDGE, EDGE + LINE / 2, shortened(title, TITLE, width - 2 * EDGE), theme.text, TITLE)
    for number, line in enumerate(lines):
        write(EDGE, EDGE + (LINE + 8) * bool(title) + LINE * (number + 0.5), line, theme.text, WORDS)
    boxes, y = [], top
    for row, row_rooms, row_height in zip(rows, rooms, heights, strict=True):
        x = EDGE
        for panel, room in zip(row, row_rooms, strict=True):
            place = (x, height - y - CAPTION_HEIGHT - panel.height, panel.width, panel.height)
            axes = figure.add_axes((place[0] / width, place[1] / height, place[2] / width, place[3] / height))
            write(x, y + CAPTION_HEIGHT / 2, panel.caption, theme.dim, CAPTION)
            boxes.append(axes)
            x += room + GAP
        y += row_height + GAP
    _draw_legend(figure, legend_rows, height - EDGE - LINE * len(legend_rows), theme)
    return figure, boxes


def in_rows(groups: Sequence[Sequence[Panel]]) -> list[list[Panel]]:
    """Put groups of pictures into rows, as many of like height into each as fit."""
    rows: list[list[Panel]] = []
    for group in groups:
        together = [*rows[-1], *group] if rows and group else []
        alike = together and max(each.height for each in group) > 0.6 * max(each.height for each in rows[-1])
        if alike and sum(panel.room + GAP for panel in together) - GAP <= MAX_ROW:
            rows[-1] = together
        elif group:
            rows.append(list(group))
    return rows


def _wrapped(legend: Sequence[Entry], width: int) -> list[list[tuple[int, Entry]]]:
    """Return the lines of a legend, each entry with the place of its left end."""
    lines: list[list[tuple[int, Entry]]] = []
    x = width + 1
    for entry in legend:
        if x + entry.room > width:
            lines.append([])
            x = 0
        lines[-1].append((x, entry))
        x += entry.room + 2 * GAP
    return lines


def _draw_legend(figure: Figure, lines: Sequence[Sequence[tuple[int, Entry]]], top: int, theme: Theme) -> None:
    """Draw a legend from `top` pixels below the top of the figure."""
    from matplotlib.patches import Rectangle

    width, height = figure.get_size_inches() * DOTS_PER_INCH
    for number, line in enumerate(lines):
        middle = top + LINE * (number + 0.5)
        for place, entry in line:
            x = EDGE + place
            for index, colour in enumerate(entry.colours):
                one = entry.swatch / len(entry.colours)
                corner = ((x + index * one) / width, 1 - (middle + SWATCH / 2 - 2) / height)
                size = (one / width, (SWATCH - 4) / height)
                figure.add_artist(
                    Rectangle(corner, *size, color=colour, transform=figure.transFigure, linewidth=0, antialiased=False)
                )
            x += entry.swatch + 6 * bool(entry.colours)
            figure.text(
                x / width, 1 - middle / height, entry.words, color=theme.text if entry.colours else theme.dim,
                va="center_baseline", **font(WORDS),
            )  # fmt: skip


def draw_scale_bar(axes: Axes, voxels: int, size: float, unit: str) -> None:
    """Draw a scale bar about a quarter of a picture wide: 1, 2 or 5 times a power of ten.

    Args:
        axes: to draw on.
        voxels: width of the picture in voxels.
        size: width of a voxel.
        unit: of that width.
    """
    from matplotlib.patheffects import withStroke

    target = 0.25 * voxels * size
    if not np.isfinite(target) or target <= 0:
        return
    power = 10 ** np.floor(np.log10(target))
    length = max(m * power for m in (1, 2, 5) if m * power <= target * 1.0001)
    right, y = 0.96, 0.06
    left = right - length / size / voxels
    halo = [withStroke(linewidth=3, foreground="black")]  # on an image, whatever is around it
    axes.plot([left, right], [y, y], color="white", linewidth=2.5, transform=axes.transAxes, path_effects=halo)
    axes.text(right, y + 0.025, f"{length:g} {unit}", color="white", ha="right", va="bottom",
              transform=axes.transAxes, path_effects=halo, **font(WORDS))  # fmt: skip


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure as a PNG, which appears whole or not at all.

    Raises:
        UserError: if it cannot be written.
    """
    path = Path(path)
    write_whole(path, lambda file: figure.savefig(file, format="png", facecolor=figure.get_facecolor()))
    return path


def pixels_of(figure: Figure) -> np.ndarray:
    """Return a figure as a picture (rows, columns, 3) of 8 bits."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
