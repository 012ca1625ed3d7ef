"""What pictures are made of: a dark figure of several axes, outlines along voxel sides, tints, legend, scale bar.

matplotlib is imported where it is used: drawing is rare, and starting up should not pay for it. Figures are drawn on
their own Agg canvas, so neither a display nor pyplot's global state is touched.
"""

from pathlib import Path

import numpy as np

from scripts.core import write_whole

GROUND, TEXT, DIM = "#101418", "#e8eaed", "#8b949e"
LABEL_COLOUR, PREDICTION_COLOUR = "#3ddc84", "#ff4fd8"
"""Green and magenta stay apart for every common kind of colour blindness, and against grey."""
NOT_LABELLED_COLOUR = "#ffb000"
DOTS_PER_INCH = 100


def display_size(shape, across, down):
    """(width, height) in inches of a view of (rows, columns) voxels: 3.6 inches at its longer side."""
    width, height = shape[1] * across, shape[0] * down
    scale = 3.6 / max(width, height)
    # Fifteen slices without a known depth would be a hairline: no view is lower or narrower than this.
    return max(width * scale, 0.75), max(height * scale, 0.75)


def lay_out(columns, sizes, title, legend):
    """A dark figure with one axes per picture, placed column by column; returns it and the axes in picture order."""
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


def draw_picture(axes, picture, aspect, colours):
    """Show grey values without interpolation that would invent detail; ticks off, a thin frame."""
    axes.imshow(picture, cmap=colours, vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color("#30363d")


def draw_outline(axes, mask, colour, weight=1.0):
    """Draw the edge of `mask > 0` along voxel sides, so that it shows exactly what is inside."""
    if mask is None or not (mask > 0).any():
        return
    from matplotlib.collections import LineCollection

    inside = np.pad(mask > 0, 1)
    lines = []
    rows, columns = np.nonzero(inside[1:] != inside[:-1])  # horizontal sides, above row `rows`
    lines.append(np.stack([np.stack([columns - 1.5, rows - 0.5], -1), np.stack([columns - 0.5, rows - 0.5], -1)], 1))
    rows, columns = np.nonzero(inside[:, 1:] != inside[:, :-1])
    lines.append(np.stack([np.stack([columns - 0.5, rows - 1.5], -1), np.stack([columns - 0.5, rows - 0.5], -1)], 1))
    # Thin lines on large pictures: the outline must not hide a capillary of a few pixels.
    width = weight * float(np.clip(220 / max(mask.shape), 0.6, 1.4))
    axes.add_collection(LineCollection(np.concatenate(lines), colors=colour, linewidths=width, capstyle="projecting"))
    axes.set_xlim(-0.5, mask.shape[1] - 0.5)
    axes.set_ylim(mask.shape[0] - 0.5, -0.5)


def tint_unlabelled(axes, mask):
    """Amber, hatched: these voxels count neither as vessel nor as background."""
    if mask is None or not (mask < 0).any():
        return
    rows, columns = np.indices(mask.shape)
    stripe = (rows + columns) % max(4, max(mask.shape) // 16) == 0
    from matplotlib.colors import to_rgb

    tint = np.zeros((*mask.shape, 4))
    tint[..., :3] = to_rgb(NOT_LABELLED_COLOUR)
    tint[..., 3] = np.where(mask < 0, np.where(stripe, 0.55, 0.16), 0.0)
    axes.imshow(tint, interpolation="nearest", aspect="auto")


def draw_legend(figure, label, pred):
    """One line at the bottom that says which colour is which."""
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


def draw_scale_bar(axes, voxels, size, unit):
    """A bar of 1, 2 or 5 times a power of ten, about a quarter of the picture wide."""
    target = 0.25 * voxels * size
    power = 10 ** np.floor(np.log10(target))
    length = max(m * power for m in (1, 2, 5) if m * power <= target * 1.0001)
    from matplotlib.patheffects import withStroke

    right, y = 0.96, 0.06
    left = right - length / size / voxels
    halo = [withStroke(linewidth=3, foreground=GROUND)]
    axes.plot([left, right], [y, y], color=TEXT, linewidth=2.5, transform=axes.transAxes, path_effects=halo)
    axes.text((left + right) / 2, y + 0.02, f"{length:g} {unit}", color=TEXT, fontsize=8, ha="center", va="bottom",
              transform=axes.transAxes, path_effects=halo)  # fmt: skip


def save_figure(figure, path):
    """Write the PNG beside its final name, then rename: no half a picture is ever seen."""
    path = Path(path)
    write_whole(path, lambda temporary: figure.savefig(temporary, format="png", facecolor=GROUND))
    return path


def pixels_of(figure):
    """The figure as one picture: (rows, columns, 3), 8 bits."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
