"""A sheet of slices of patches or volumes, their labels outlined."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.core import refuse

from .figure import CAPTION, Entry, Panel, lay_out, save_figure
from .overlay import draw_hatch, draw_outline, draw_picture, local_contrast, tinted
from .sheet import LEAST_SIDE, NOTE
from .slices import as_volume
from .theme import NOT_LABELLED_COLOUR, OUTLINE_COLOUR, shortened, theme_of, width_of

MAX_PATCHES = 32
SIDE = 220  # pixels


def patch_grid(
    path: str | os.PathLike[str],
    images: Sequence[np.ndarray],
    labels: Sequence[np.ndarray | None],
    title: str = "",
    captions: Sequence[str] | None = None,
    theme: str = "dark",
) -> Path:
    """Write a PNG of the middle slices of up to 32 patches, with their labels outlined.

    Args:
        path: of the PNG, which appears whole or not at all.
        images: arrays (X, Y, Z), or (1, X, Y, Z) as a data loader yields them.
        labels: as many, of the same shapes; negative is not labelled, and hatched. None for a patch without a label.
        title: a line above the pictures.
        captions: text above each picture, before its share of vessel; by default its number.
        theme: dark or light.

    Returns:
        The path.

    Raises:
        UserError: for no patches, not as many labels as images, a label of another shape than its image, a theme that
            does not exist, or if the picture cannot be written.
    """
    colours = theme_of(theme)
    if len(images) == 0 or len(images) != len(labels):
        given = f"was given {len(images)} images and {len(labels)} labels"
        refuse("the picture of patches", given, "give as many of each, at least one")
    pairs = []
    for image, label in list(zip(images, labels, strict=True))[:MAX_PATCHES]:
        picture = as_volume("image", image)
        pairs.append((picture, None if label is None else as_volume("label", label, picture.shape)))
    square = int(np.ceil(np.sqrt(len(pairs))))
    # a little wider than high where that leaves fewer places empty
    columns = min(range(square, square + 3), key=lambda n: -len(pairs) % n)
    names = captions if captions else [str(number) for number in range(len(pairs))]
    panels = [_panel(image, _caption(name, label)) for name, (image, label) in zip(names, pairs, strict=False)]
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    legend = [Entry("label", (OUTLINE_COLOUR,)), Entry(NOTE)]
    if any(label is not None and (label < 0).any() for _, label in pairs):
        legend.insert(1, Entry("not labelled", (NOT_LABELLED_COLOUR,)))
    figure, boxes = lay_out(rows, title, (), legend, colours, cell=SIDE)
    for axes, panel, (image, label) in zip(boxes, panels, pairs, strict=True):
        middle = image.shape[2] // 2
        picture = image[:, :, middle].T
        factor = max(1, max(picture.shape) // SIDE)
        draw_picture(axes, tinted(local_contrast(picture), (), factor), colours.frame)
        if label is not None:
            mask = label[:, :, middle].T
            draw_hatch(axes, mask[::factor, ::factor] < 0, (panel.width, panel.height))
            draw_outline(axes, mask, OUTLINE_COLOUR, factor)
    return save_figure(figure, path)


def _panel(image: np.ndarray, caption: str) -> Panel:
    """Return a panel in the proportions of a slice across Z."""
    width, height = (max(LEAST_SIDE, round(SIDE * side / max(image.shape[:2]))) for side in image.shape[:2])
    return Panel(width, height, caption)


def _caption(name: str, label: np.ndarray | None) -> str:
    """Return a caption that fits: a name and the share of vessel in what is labelled."""
    if label is None:
        share = "no label"
    else:
        known = label >= 0
        share = f"{100 * (label[known] > 0).mean() if known.any() else 0:.1f} % vessel"
    words = f"  ·  {share}"
    return shortened(name, CAPTION, SIDE - width_of(words, CAPTION)) + words
