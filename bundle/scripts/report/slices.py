"""Pictures: outlines over slices and projections, to see at a glance what was labelled, predicted and missed.

What they are drawn with is in `drawing.py`.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scripts.core import refuse

from .figure import (
    DIM,
    LABEL_COLOUR,
    PREDICTION_COLOUR,
    display_size,
    draw_legend,
    draw_outline,
    draw_picture,
    draw_scale_bar,
    lay_out,
    save_figure,
    tint_unlabelled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PATCHES = 32


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
    """Write what `slice_figure` draws as a PNG.

    Args:
        path: the PNG to write; it appears whole or not at all.
        image: this and all others are those of `slice_figure`.

    Returns:
        path.

    Raises:
        UserError: an array is not three-dimensional or not of the image's shape.
    """
    return save_figure(slice_figure(image, label, pred, probability, title, spacing=spacing, unit=unit), path)


def slice_figure(
    image: np.ndarray,
    label: np.ndarray | None = None,
    pred: np.ndarray | None = None,
    probability: np.ndarray | None = None,
    title: str = "",
    *,
    spacing: Sequence[float] | None = None,
    unit: str = "µm",
) -> "Figure":
    """Draw three orthogonal slices and a maximum-intensity projection, masks as outlines.

    The slices are those that hold most vessel (label, else prediction, else brightness). An axis of few slices is
    stretched to its true depth where `spacing` tells it, and at least to a readable height.

    Args:
        image: (X, Y, Z) intensities of any scale.
        label: (X, Y, Z), above 0 vessel, 0 background, negative not labelled (tinted). Outlined in green.
        pred: (X, Y, Z), above 0 vessel. Outlined in magenta.
        probability: (X, Y, Z) in [0, 1], shown as a fifth panel: its maximum along Z.
        title: a line above the pictures.
        spacing: voxel size along X, Y, Z in `unit`; None leaves the scale bar out.
        unit: what to write beside the scale bar.

    Raises:
        UserError: an array is not three-dimensional or not of the image's shape.
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

    sizes = [display_size(v[0].shape, v[4], v[5]) for v in views]
    # Wide and low views (a thin stack from the side) stand above one another in one column.
    columns = [[0], [1, 2], [3]] if sizes[1][1] + sizes[2][1] < 1.25 * sizes[0][1] else [[0], [1], [2], [3]]
    columns += [[4]] if probability is not None else []
    figure, boxes = lay_out(columns, sizes, title, bool(label is not None or pred is not None))
    for axes, (picture, mask, guess, caption, across, down) in zip(boxes, views, strict=True):
        colours = "inferno" if caption.startswith("probability") else "gray"
        draw_picture(axes, picture, down / across, colours)
        tint_unlabelled(axes, mask)
        draw_outline(axes, mask, LABEL_COLOUR, 1.0 if guess is None else 1.7)  # still seen where both agree
        draw_outline(axes, guess, PREDICTION_COLOUR)
        axes.set_title(caption, color=DIM, fontsize=9, pad=4)
    if spacing is not None:
        draw_scale_bar(boxes[0], image.shape[0], float(spacing[0]), unit)
    draw_legend(figure, label, pred)
    return figure


def patch_grid(
    path: str | os.PathLike,
    images: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    title: str = "",
    captions: Sequence[str] | None = None,
) -> Path:
    """Write a PNG of up to 32 training patches: the middle slice along Z, label outlined, not-labelled voxels hatched.

    Args:
        path: the PNG to write; it appears whole or not at all.
        images: arrays (X, Y, Z), or (1, X, Y, Z) as a data loader yields them.
        labels: as many, of the same shapes; negative is not labelled.
        title: a line above the pictures.
        captions: what to write above each, before its share of vessel; by default its number.

    Returns:
        path.

    Raises:
        UserError: nothing to draw, not as many labels as images, or a label of another shape than its image.
    """
    if len(images) == 0 or len(images) != len(labels):
        refuse(
            "patch_grid",
            f"there are {len(images)} images and {len(labels)} labels",
            "give as many of each, at least one",
        )
    pairs = []
    for image, label in list(zip(images, labels, strict=True))[:MOST_PATCHES]:
        picture = _volume("image", image)
        pairs.append((picture, _volume("label", label, picture.shape)))
    square = int(np.ceil(np.sqrt(len(pairs))))
    # a little wider than high, if fewer places stay empty so
    columns = min(range(square, square + 3), key=lambda n: -len(pairs) % n)
    rows = int(np.ceil(len(pairs) / columns))
    cells = [[c + columns * r for r in range(rows) if c + columns * r < len(pairs)] for c in range(columns)]
    figure, boxes = lay_out(cells, [(2.2, 2.2)] * len(pairs), title, True)
    for n, (axes, (image, label)) in enumerate(zip(boxes, pairs, strict=True)):
        middle = image.shape[2] // 2
        mask = label[:, :, middle].T
        draw_picture(axes, _shown(image)[:, :, middle].T, 1.0, "gray")
        tint_unlabelled(axes, mask)
        draw_outline(axes, mask, LABEL_COLOUR)
        known = label >= 0
        share = (label[known] > 0).mean() if known.any() else 0.0
        name = captions[n] if captions else n
        axes.set_title(f"{name}  ·  {100 * share:.1f} % vessel", color=DIM, fontsize=8, pad=3)
    draw_legend(figure, np.stack([label.min() for _, label in pairs]), None)
    return save_figure(figure, path)


def _volume(name, array, shape=None):
    """`array` as a plain (X, Y, Z) array; a leading axis of one channel is taken off."""
    array = np.asarray(array)
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 3:
        refuse(name, f"has the shape {array.shape}", "give (X, Y, Z)")
    if shape is not None and array.shape != shape:
        refuse(name, f"has the shape {array.shape} and the image {shape}", "give arrays of one shape")
    return array


def _shown(image):
    """Grey values in [0, 1]: the brightest and darkest half per cent clipped, a constant image mid-grey."""
    image = np.nan_to_num(image.astype(np.float32), copy=False)  # the one copy: volumes can be large
    low, high = np.percentile(image, [0.5, 99.5])
    if high <= low:  # nearly everything is one value: keep what sticks out of it
        low, high = float(image.min()), float(image.max())
    if high <= low:
        return np.full(image.shape, 0.5, np.float32)
    image -= low
    image /= high - low
    return np.clip(image, 0, 1, out=image)


def fullest_slice(label: np.ndarray) -> int:
    """Index of the slice across Z of a label (X, Y, Z) that holds most vessel, not at the border if that can be."""
    return _fullest_slices(label, label, None, None)[2]


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
