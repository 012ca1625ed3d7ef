"""Pictures: outlines over slices and projections, to see at a glance what was labelled, predicted and missed.

matplotlib is imported where it is used: drawing is rare, and starting up should not pay for it. Figures are drawn on
their own Agg canvas, so neither a display nor pyplot's global state is touched.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

GROUND, TEXT, DIM = "#101418", "#e8eaed", "#8b949e"
LABEL_COLOUR, PREDICTION_COLOUR = "#3ddc84", "#ff4fd8"
"""Green and magenta stay apart for every common kind of colour blindness, and against grey."""
NOT_LABELLED_COLOUR = "#ffb000"
DOTS_PER_INCH = 100
MOST_PATCHES = 16


def slice_panel(
    path: str | os.PathLike,
    image: np.ndarray,
    label: np.ndarray | None = None,
    pred: np.ndarray | None = None,
    probability: np.ndarray | None = None,
    title: str = "",
    *,
    spacing: Sequence[float] | None = None,
    unit: str = "µm",
) -> Path:
    """Write a PNG of three orthogonal slices and a maximum-intensity projection, masks drawn as outlines.

    The slices are those that hold most vessel (label, else prediction, else brightness). An axis of few slices is
    stretched to its true depth where `spacing` tells it, and at least to a readable height.

    Args:
        path: the PNG to write; it appears whole or not at all.
        image: (X, Y, Z) intensities of any scale.
        label: (X, Y, Z), above 0 vessel, 0 background, negative not labelled (tinted). Outlined in green.
        pred: (X, Y, Z), above 0 vessel. Outlined in magenta.
        probability: (X, Y, Z) in [0, 1], shown as a fifth panel: its maximum along Z.
        title: a line above the pictures.
        spacing: voxel size along X, Y, Z in `unit`; None leaves the scale bar out.
        unit: what to write beside the scale bar.

    Returns:
        path.

    Raises:
        ValueError: an array is not three-dimensional or not of the image's shape.
    """
    image = _volume("image", image)
    label, pred, probability = (
        None if a is None else _volume(name, a, image.shape)
        for name, a in (("label", label), ("pred", pred), ("probability", probability))
    )
    image = _shown(image)
    at = _fullest_slices(image, label, pred, probability)
    step = np.ones(3) if spacing is None else np.asarray(spacing, float)
    step = step / step[:2].min()

    def cut(volume, axis):
        """The slice across `axis`, the later axis downwards; None stays None."""
        return None if volume is None else np.take(volume, at[axis], axis=axis).T

    names = "XYZ"
    views = []
    for axis in (2, 1, 0):
        across, down = (d for d in range(3) if d != axis)
        caption = f"{names[across]}{names[down]}  ·  {names[axis]} = {at[axis]}"
        views.append((cut(image, axis), cut(label, axis), cut(pred, axis), caption, step[across], step[down]))
    flat = [_shown(image.max(axis=2).T), *(None if v is None else v.max(axis=2).T for v in (label, pred))]
    views.append((*flat, "maximum along Z", step[0], step[1]))
    if probability is not None:
        views.append((np.clip(probability, 0, 1).max(axis=2).T, None, None, "probability, maximum", step[0], step[1]))

    sizes = [_display_size(v[0].shape, v[4], v[5]) for v in views]
    # Wide and low views (a thin stack from the side) stand above one another in one column.
    columns = [[0], [1, 2], [3]] if sizes[1][1] + sizes[2][1] < 1.25 * sizes[0][1] else [[0], [1], [2], [3]]
    columns += [[4]] if probability is not None else []
    figure, boxes = _layout(columns, sizes, title, bool(label is not None or pred is not None))
    for axes, (picture, mask, guess, caption, across, down) in zip(boxes, views, strict=True):
        colours = "inferno" if caption.startswith("probability") else "gray"
        _picture(axes, picture, down / across, colours)
        _tint_unlabelled(axes, mask)
        _outline(axes, mask, LABEL_COLOUR, 1.0 if guess is None else 1.7)  # still seen where both agree
        _outline(axes, guess, PREDICTION_COLOUR)
        axes.set_title(caption, color=DIM, fontsize=9, pad=4)
    if spacing is not None:
        _scale_bar(boxes[0], image.shape[0], float(spacing[0]), unit)
    _legend(figure, label, pred)
    return _save(figure, path)


def patch_grid(
    path: str | os.PathLike, images: Sequence[np.ndarray], labels: Sequence[np.ndarray], title: str = ""
) -> Path:
    """Write a PNG of up to 16 training patches: the middle slice along Z, label outlined, not-labelled voxels hatched.

    Args:
        path: the PNG to write; it appears whole or not at all.
        images: arrays (X, Y, Z), or (1, X, Y, Z) as a data loader yields them.
        labels: as many, of the same shapes; negative is not labelled.
        title: a line above the pictures.

    Returns:
        path.

    Raises:
        ValueError: nothing to draw, not as many labels as images, or a label of another shape than its image.
    """
    if len(images) == 0 or len(images) != len(labels):
        raise ValueError(f"patch_grid needs as many labels as images, at least one; got {len(images)}, {len(labels)}")
    pairs = []
    for image, label in list(zip(images, labels, strict=True))[:MOST_PATCHES]:
        picture = _volume("image", image)
        pairs.append((picture, _volume("label", label, picture.shape)))
    columns = int(np.ceil(np.sqrt(len(pairs))))
    rows = int(np.ceil(len(pairs) / columns))
    cells = [[c + columns * r for r in range(rows) if c + columns * r < len(pairs)] for c in range(columns)]
    figure, boxes = _layout(cells, [(2.2, 2.2)] * len(pairs), title, True)
    for n, (axes, (image, label)) in enumerate(zip(boxes, pairs, strict=True)):
        middle = image.shape[2] // 2
        mask = label[:, :, middle].T
        _picture(axes, _shown(image)[:, :, middle].T, 1.0, "gray")
        _tint_unlabelled(axes, mask)
        _outline(axes, mask, LABEL_COLOUR)
        known = label >= 0
        share = (label[known] > 0).mean() if known.any() else 0.0
        axes.set_title(f"{n}  ·  {100 * share:.1f} % vessel", color=DIM, fontsize=8, pad=3)
    _legend(figure, np.stack([label.min() for _, label in pairs]), None)
    return _save(figure, path)


def _volume(name, array, shape=None):
    """`array` as a plain (X, Y, Z) array; a leading axis of one channel is taken off."""
    array = np.asarray(array)
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 3:
        raise ValueError(f"{name} must be (X, Y, Z), not of shape {array.shape}")
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, the image {shape}")
    return array


def _shown(image):
    """Grey values in [0, 1]: the brightest and darkest half per cent clipped, a constant image mid-grey."""
    image = np.nan_to_num(image.astype(np.float32))
    low, high = np.percentile(image, [0.5, 99.5])
    if high <= low:  # nearly everything is one value: keep what sticks out of it
        low, high = float(image.min()), float(image.max())
    if high <= low:
        return np.full(image.shape, 0.5, np.float32)
    return np.clip((image - low) / (high - low), 0, 1)


def _fullest_slices(image, label, pred, probability):
    """For each axis the index of the slice that holds most vessel; the middle one where all are alike."""
    for candidate in (label, pred, probability, image):
        vessel = None if candidate is None else np.maximum(candidate, 0)
        if vessel is None or vessel.min() == vessel.max():
            continue
        chosen = []
        for axis, n in enumerate(image.shape):
            sums = vessel.sum(axis=tuple(d for d in range(3) if d != axis), dtype=np.float64)
            # At the border vessels are cut off: look there only if nothing lies further in.
            sums[: n // 16] *= 1e-3
            sums[n - n // 16 :] *= 1e-3
            most = np.flatnonzero(sums >= sums.max() * (1 - 1e-9))
            chosen.append(int(most[np.abs(most - n // 2).argmin()]))  # of equals the middle one
        return chosen
    return [n // 2 for n in image.shape]


def _display_size(shape, across, down):
    """(width, height) in inches of a view of (rows, columns) voxels: 3.6 inches at its longer side."""
    width, height = shape[1] * across, shape[0] * down
    scale = 3.6 / max(width, height)
    # Fifteen slices without a known depth would be a hairline: no view is lower or narrower than this.
    return max(width * scale, 0.75), max(height * scale, 0.75)


def _layout(columns, sizes, title, legend):
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


def _picture(axes, picture, aspect, colours):
    """Show grey values without interpolation that would invent detail; ticks off, a thin frame."""
    axes.imshow(picture, cmap=colours, vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color("#30363d")


def _outline(axes, mask, colour, weight=1.0):
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


def _tint_unlabelled(axes, mask):
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


def _legend(figure, label, pred):
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


def _scale_bar(axes, voxels, size, unit):
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


def _save(figure, path):
    """Write the PNG beside its final name, then rename: no half a picture is ever seen."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        figure.savefig(temporary, format="png", facecolor=GROUND)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
