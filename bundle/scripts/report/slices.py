"""Pictures of volumes: slices and projections, with label and prediction outlined.

The parts that they are drawn with are in `figure.py`.
"""

from __future__ import annotations

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

MAX_PATCHES = 32


def slice_panel(
    path: str | os.PathLike[str],
    image: np.ndarray,
    label: np.ndarray | None = None,
    pred: np.ndarray | None = None,
    probability: np.ndarray | None = None,
    title: str = "",
    *,
    spacing: Sequence[float] | None = None,
    unit: str = "µm",
) -> Path:
    """Write the picture that `slice_figure` draws as a PNG.

    Args:
        path: of the PNG, which appears whole or not at all.
        image: this and all further arguments are those of `slice_figure`.

    Returns:
        The path.

    Raises:
        UserError: for an array that is not three-dimensional or not of the image's shape, or if the picture cannot
            be written.
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
) -> Figure:
    """Draw three orthogonal slices and a maximum-intensity projection, masks as outlines.

    The slices are those that hold most vessel in the label, else in the prediction, else in the image. A short axis is
    stretched to its true length where `spacing` is given, and at least to a readable height.

    Args:
        image: (X, Y, Z) intensities of any scale.
        label: (X, Y, Z), vessel above 0, background at 0, not labelled below. Vessels are outlined in green, what is
            not labelled is tinted.
        pred: (X, Y, Z), vessel above 0. Outlined in magenta.
        probability: (X, Y, Z) in [0, 1]; its maximum along Z is a fifth picture.
        title: a line above the pictures.
        spacing: voxel size along X, Y, Z in `unit`; without it there is no scale bar.
        unit: of the scale bar.

    Raises:
        UserError: for an array that is not three-dimensional or not of the image's shape.
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

    def cut(volume: np.ndarray | None, axis: int) -> np.ndarray | None:
        """Return the slice across an axis, the earlier of the other two from left to right."""
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
    for axes, (picture, mask, guess, caption, *_) in zip(boxes, views, strict=True):
        colours = "inferno" if caption.startswith("probability") else "gray"
        draw_picture(axes, picture, colours)
        tint_unlabelled(axes, mask)
        draw_outline(axes, mask, LABEL_COLOUR, 1.0 if guess is None else 1.7)  # still seen where both agree
        draw_outline(axes, guess, PREDICTION_COLOUR)
        axes.set_title(caption, color=DIM, fontsize=9, pad=4)
    if spacing is not None:
        draw_scale_bar(boxes[0], image.shape[0], float(spacing[0]), unit)
    draw_legend(figure, label, pred)
    return figure


def patch_grid(
    path: str | os.PathLike[str],
    images: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    title: str = "",
    captions: Sequence[str] | None = None,
) -> Path:
    """Write a PNG of the middle slices of up to 32 patches, with their labels outlined.

    Args:
        path: of the PNG, which appears whole or not at all.
        images: arrays (X, Y, Z), or (1, X, Y, Z) as a data loader yields them.
        labels: as many, of the same shapes; negative is not labelled, and hatched.
        title: a line above the pictures.
        captions: text above each picture, before its share of vessel; by default its number.

    Returns:
        The path.

    Raises:
        UserError: for no patches, not as many labels as images, a label of another shape than its image, or if the
            picture cannot be written.
    """
    if len(images) == 0 or len(images) != len(labels):
        given = f"was given {len(images)} images and {len(labels)} labels"
        refuse("the picture of patches", given, "give as many of each, at least one")
    pairs = []
    for image, label in list(zip(images, labels, strict=True))[:MAX_PATCHES]:
        picture = _volume("image", image)
        pairs.append((picture, _volume("label", label, picture.shape)))
    square = int(np.ceil(np.sqrt(len(pairs))))
    # a little wider than high where that leaves fewer places empty
    columns = min(range(square, square + 3), key=lambda n: -len(pairs) % n)
    rows = int(np.ceil(len(pairs) / columns))
    cells = [[c + columns * r for r in range(rows) if c + columns * r < len(pairs)] for c in range(columns)]
    figure, boxes = lay_out(cells, [(2.2, 2.2)] * len(pairs), title, True)
    for n, (axes, (image, label)) in enumerate(zip(boxes, pairs, strict=True)):
        middle = image.shape[2] // 2
        mask = label[:, :, middle].T
        draw_picture(axes, _shown(image)[:, :, middle].T, "gray")
        tint_unlabelled(axes, mask)
        draw_outline(axes, mask, LABEL_COLOUR)
        known = label >= 0
        share = (label[known] > 0).mean() if known.any() else 0.0
        name = captions[n] if captions else n
        axes.set_title(f"{name}  ·  {100 * share:.1f} % vessel", color=DIM, fontsize=8, pad=3)
    draw_legend(figure, np.stack([label.min() for _, label in pairs]), None)
    return save_figure(figure, path)


def _volume(name: str, array: np.ndarray, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return an array as (X, Y, Z), without an axis of one channel; refuse other shapes."""
    array = np.asarray(array)
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 3:
        refuse(name, f"has the shape {array.shape}", "give (X, Y, Z)")
    if shape is not None and array.shape != shape:
        refuse(name, f"has the shape {array.shape} and the image {shape}", "give arrays of one shape")
    return array


def _shown(image: np.ndarray) -> np.ndarray:
    """Return the grey values, float32 in [0, 1], in which an image is shown.

    The brightest and the darkest half per cent are clipped; an image of one value is mid-grey.
    """
    image = np.nan_to_num(image.astype(np.float32), copy=False)  # the one copy: volumes can be large
    low, high = np.percentile(image, [0.5, 99.5])
    if high <= low:  # nearly all of it is one value: show what differs
        low, high = float(image.min()), float(image.max())
    if high <= low:
        return np.full(image.shape, 0.5, np.float32)
    image -= low
    image /= high - low
    return np.clip(image, 0, 1, out=image)


def fullest_slice(label: np.ndarray) -> int:
    """Return which slice across Z of a label (X, Y, Z) holds most vessel.

    Slices at the border are chosen only where no other holds vessel.
    """
    return _fullest_slices(label, label, None, None)[2]


def _fullest_slices(
    image: np.ndarray, label: np.ndarray | None, pred: np.ndarray | None, probability: np.ndarray | None
) -> list[int]:
    """Return, for each axis, which slice holds most vessel.

    The first of label, prediction, probability and image (X, Y, Z each) that is not constant tells what vessel is. Of
    equal slices, the one nearest to the middle is taken.
    """
    for candidate in (label, pred, probability, image):
        vessel = None if candidate is None else np.maximum(candidate, 0)
        if vessel is None or vessel.min() == vessel.max():
            continue
        chosen = []
        for axis, n in enumerate(image.shape):
            sums = vessel.sum(axis=tuple(d for d in range(3) if d != axis), dtype=np.float64)
            # vessels are cut off at the border, so it counts only where there is nothing further in
            sums[: n // 16] *= 1e-3
            sums[n - n // 16 :] *= 1e-3
            most = np.flatnonzero(sums >= sums.max() * (1 - 1e-9))
            chosen.append(int(most[np.abs(most - n // 2).argmin()]))  # of equals the middle one
        return chosen
    return [n // 2 for n in image.shape]
