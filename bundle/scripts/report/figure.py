"""Parts of pictures: a dark figure of several axes, outlines, tints, a legend, a scale bar.

Matplotlib is imported where it is used, because drawing is rare and start-up should not pay for it. Figures are drawn
on their own Agg canvas, so that neither a display nor pyplot's global state is touched.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scripts.core import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GROUND, TEXT, DIM, FRAME = "#101418", "#e8eaed", "#8b949e", "#30363d"
LABEL_COLOUR, PREDICTION_COLOUR = "#3ddc84", "#ff4fd8"
"""Green and magenta can be told apart with every common kind of colour blindness, and from grey."""
NOT_LABELLED_COLOUR = "#ffb000"
DOTS_PER_INCH = 100


def display_size(shape: tuple[int, ...], across: float, down: float) -> tuple[float, float]:
    """Return how large a view is drawn: 3.6 inches at its longer side.

    Args:
        shape: rows and columns of the view, in voxels.
        across: width of a voxel, in any unit.
        down: height of a voxel, in the same unit.

    Returns:
        Width and height in inches, each at least 0.75.
    """
    width, height = shape[1] * across, shape[0] * down
    scale = 3.6 / max(width, height)
    # fifteen slices of unknown depth would be a hairline
    return max(width * scale, 0.75), max(height * scale, 0.75)


def lay_out(
    columns: Sequence[Sequence[int]], sizes: Sequence[tuple[float, float]], title: str, legend: bool
) -> tuple[Figure, list[Axes]]:
    """Make a dark figure with an axes for each picture.

    Args:
        columns: the numbers of the pictures in each column, from top to bottom.
        sizes: width and height of each picture, in inches.
        title: a line above the pictures; may be empty.
        legend: whether to leave room for a legend below them.

    Returns:
        The figure, and the axes in the order of the pictures' numbers.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    gap, caption, edge = 0.12, 0.26, 0.15
    top = 0.38 if title else 0.05
    bottom = 0.32 if legend else 0.0
    widths = [max(sizes[i][0] for i in column) for column in columns]
    heights = [sum(sizes[i][1] + caption for i in column) + gap * (len(column) - 1) for column in columns]
    width = sum(widths) + gap * (len(columns) - 1) + 2 * edge
    height = max(heights) + top + bottom + 2 * edge
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor=GROUND)
    FigureCanvasAgg(figure)
    boxes = {}
    x = edge
    for column, column_width in zip(columns, widths, strict=True):
        y = height - edge - top
        for i in column:
            w, h = sizes[i]
            y -= caption + h
            boxes[i] = figure.add_axes(((x + (column_width - w) / 2) / width, y / height, w / width, h / height))
            y -= gap
        x += column_width + gap
    if title:
        figure.text(edge / width, 1 - 0.3 / height, title, color=TEXT, fontsize=12, va="center")
    return figure, [boxes[i] for i in sorted(boxes)]


def draw_picture(axes: Axes, picture: np.ndarray, colours: str) -> None:
    """Draw values in [0, 1] as they are, without interpolation, in a thin frame.

    Args:
        axes: to draw on; the picture fills them.
        picture: (rows, columns).
        colours: name of a Matplotlib colour map.
    """
    axes.imshow(picture, cmap=colours, vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(FRAME)


def draw_outline(axes: Axes, mask: np.ndarray | None, colour: str, weight: float = 1.0) -> None:
    """Outline what is above 0 in a mask, along the sides of its pixels.

    Args:
        axes: to draw on.
        mask: (rows, columns); None draws nothing.
        colour: of the line.
        weight: factor on the width of the line.
    """
    if mask is None or not (mask > 0).any():
        return
    from matplotlib.collections import LineCollection

    inside = np.pad(mask > 0, 1)
    lines = []
    rows, columns = np.nonzero(inside[1:] != inside[:-1])  # horizontal sides, above row `rows`
    lines.append(np.stack([np.stack([columns - 1.5, rows - 0.5], -1), np.stack([columns - 0.5, rows - 0.5], -1)], 1))
    rows, columns = np.nonzero(inside[:, 1:] != inside[:, :-1])  # vertical sides
    lines.append(np.stack([np.stack([columns - 0.5, rows - 1.5], -1), np.stack([columns - 0.5, rows - 0.5], -1)], 1))
    # thin on large pictures, where the outline must not hide a capillary of a few pixels
    width = weight * float(np.clip(220 / max(mask.shape), 0.6, 1.4))
    axes.add_collection(LineCollection(np.concatenate(lines), colors=colour, linewidths=width, capstyle="projecting"))
    axes.set_xlim(-0.5, mask.shape[1] - 0.5)
    axes.set_ylim(mask.shape[0] - 0.5, -0.5)


def tint_unlabelled(axes: Axes, mask: np.ndarray | None) -> None:
    """Tint and hatch what is below 0 in a mask: these voxels are not labelled.

    Args:
        axes: to draw on.
        mask: (rows, columns); None draws nothing.
    """
    if mask is None or not (mask < 0).any():
        return
    from matplotlib.colors import to_rgb

    rows, columns = np.indices(mask.shape)
    stripe = (rows + columns) % max(4, max(mask.shape) // 16) == 0
    tint = np.zeros((*mask.shape, 4))  # (rows, columns, RGBA)
    tint[..., :3] = to_rgb(NOT_LABELLED_COLOUR)
    tint[..., 3] = np.where(mask < 0, np.where(stripe, 0.55, 0.16), 0.0)
    axes.imshow(tint, interpolation="nearest", aspect="auto")


def draw_legend(figure: Figure, label: np.ndarray | None, pred: np.ndarray | None) -> None:
    """Write at the bottom which colour means what.

    Args:
        figure: to write on.
        label: the label that is outlined, of any shape; negative values are not labelled. None where there is no label.
        pred: the prediction that is outlined; None where there is none.
    """
    entries = []
    if label is not None:
        entries.append(("label", LABEL_COLOUR))
    if pred is not None:
        entries.append(("prediction", PREDICTION_COLOUR))
    if label is not None and (label < 0).any():
        entries.append(("not labelled", NOT_LABELLED_COLOUR))
    width, height = figure.get_size_inches()
    x = 0.15
    for text, colour in entries:
        figure.text(x / width, 0.2 / height, "■", color=colour, fontsize=11, va="center")
        figure.text((x + 0.2) / width, 0.2 / height, text, color=TEXT, fontsize=9, va="center")
        x += 0.45 + 0.078 * len(text)


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
    power = 10 ** np.floor(np.log10(target))
    length = max(m * power for m in (1, 2, 5) if m * power <= target * 1.0001)
    right, y = 0.96, 0.06
    left = right - length / size / voxels
    halo = [withStroke(linewidth=3, foreground=GROUND)]
    axes.plot([left, right], [y, y], color=TEXT, linewidth=2.5, transform=axes.transAxes, path_effects=halo)
    axes.text((left + right) / 2, y + 0.02, f"{length:g} {unit}", color=TEXT, fontsize=8, ha="center", va="bottom",
              transform=axes.transAxes, path_effects=halo)  # fmt: skip


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure as a PNG, which appears whole or not at all.

    Raises:
        UserError: if it cannot be written.
    """
    path = Path(path)
    write_whole(path, lambda temporary: figure.savefig(temporary, format="png", facecolor=GROUND))
    return path


def pixels_of(figure: Figure) -> np.ndarray:
    """Return a figure as a picture (rows, columns, 3) of 8 bits."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
