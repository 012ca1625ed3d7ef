"""One slice of a volume: as it is, its truth, and what each variant found in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scripts.core import UNLABELLED, Box, read_json, region_box, slices
from scripts.io import VolumeInfo, in_unit, read_volume

from ..figure import CAPTION, LINE, Entry, Panel, draw_scale_bar, in_rows, lay_out
from ..overlay import draw_picture, local_contrast, tinted
from ..page.picture import Picture
from ..projection import agreement
from ..sheet import AGREEMENT
from ..slices import fullest_slice
from ..theme import GREEN, Theme, font, shortened, showable
from .drawing import Drawing
from .record import Study, Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONTEXT = 16  # voxels around the box that are shown, or half its shorter side if that is more
DIMMED = 0.3  # of the light of what is outside the box
TRUTH = GREEN
SIDE = 300  # pixels of the longer side of a tile in a file
CAPTION_ROOM = 60  # pixels by which a caption may be wider than its tile
MIN_PIXELS = 320  # of the longer side of a tile; each voxel is a square of whole pixels


@dataclass(frozen=True)
class Slice:
    """A slice across Z and the box that is judged.

    Attributes:
        grey: `(rows, columns)` in [0, 1].
        label: `(rows, columns)`, vessel above 0, not labelled below.
        inside: `(rows, columns)`, whether the box is there.
        shown: the part of the slice that this is, along X and Y.
        size: width and height in `unit`.
        unit: of the size, `""` for voxels.
    """

    grey: np.ndarray
    label: np.ndarray
    inside: np.ndarray
    shown: tuple[slice, slice]
    size: tuple[float, float]
    unit: str

    def picture(self, what: str, caption: str, tints: Sequence[tuple[np.ndarray, object]] = ()) -> Picture:
        """Return a tile: the image with tints over it, dimmed outside of the box."""
        light = np.where(self.inside, 1, DIMMED)[..., None]
        colours = tinted(self.grey, [(np.asarray(where) & self.inside, colour) for where, colour in tints]) * light
        times = max(1, round(MIN_PIXELS / max(self.grey.shape)))
        pixels = (255 * colours).round().astype(np.uint8).repeat(times, axis=0).repeat(times, axis=1)
        return Picture(what, caption, pixels, self.size, self.unit)


def first_examples(study: Study) -> dict[str, tuple[Trial, Path]]:
    """Return the first training of each variant whose probabilities are there."""
    found = {}
    for variant in study.variants:
        for trial in sorted(study.of(variant), key=lambda each: (each.seed, each.number)):
            path = study.path(trial.example)
            if path is not None:
                found[variant] = trial, path
                break
    return found


def example_drawing(study: Study) -> Drawing | None:
    """Return the slice with most vessel, and what each variant found; None without any."""
    examples = first_examples(study)
    image, label = (study.path(study.example.get(name)) for name in ("image", "label"))
    if not examples or image is None or label is None:
        return None
    info, voxels = read_volume(image)  # (X, Y, Z)
    _, truth = read_volume(label)
    truth = np.where(truth < 0, UNLABELLED, truth > 0).astype(np.int8)
    box = region_box(study.example.get("box"), voxels.shape, image.name)
    at = box[2][0] + fullest_slice(truth[slices(box)])
    view = _slice(voxels, truth, box, at, info)
    tiles = [view.picture("image", "image"), view.picture("truth", "truth", [(view.label > 0, TRUTH)])]
    odd: list[str] = []
    for n, (variant, (trial, path)) in enumerate(examples.items()):
        _, probability = read_volume(path)
        if probability.shape != voxels.shape:
            odd.append(variant)
            continue
        threshold = threshold_of(study, trial)
        pred = threshold < probability[:, :, at][view.shown].T
        score = dice_of(probability[slices(box)] > threshold, truth[slices(box)])
        both = agreement(pred, view.label)
        caption = f"{variant}\nDice {score:.3f}" if score is not None else variant
        tiles.append(view.picture(f"variant_{n}", caption, [(both == each, AGREEMENT[each]) for each in AGREEMENT]))
    found, extra, missed = AGREEMENT.values()
    legend = [(TRUTH, "vessel in the label"), (found, "found and in the label"), (extra, "found, not in the label"),
              (missed, "in the label, missed")]  # fmt: skip
    seeds = sorted({trial.seed for trial, _ in examples.values()})
    words = (
        f"Slice Z = {at} of {study.example.get('volume') or image.name}, that with most vessel in what was held out, "
        f"and what one training of each variant (seed {', '.join(map(str, seeds))}) found there. Only the bright part "
        "was held out and is judged; Dice is of all slices of that part. Grey values are drawn with local contrast."
    )
    if odd:
        words += f" Not shown, for it is not of the size of the image: {', '.join(odd)}."
    return Drawing("examples", "What was found", words, tiles=tiles, legend=legend)


def _slice(image: np.ndarray, label: np.ndarray, box: Box, at: int, info: VolumeInfo) -> Slice:
    """Return the part of a slice across Z around the box, rows along Y and columns along X."""
    inside = np.zeros(image.shape[:2], bool)  # (X, Y)
    inside[slices(box[:2])] = True
    around = max(CONTEXT, min(stop - start for start, stop in box[:2]) // 2)
    x, y = (slice(max(0, start - around), stop + around) for start, stop in box[:2])
    shown = x, y
    image, label, inside = image[shown], label[shown], inside[shown]  # (X, Y, Z) twice, (X, Y)
    spacing = [in_unit(length, info.unit) for length in info.voxel_size] if info.unit else [1.0] * 3
    size = image.shape[0] * spacing[0], image.shape[1] * spacing[1]
    return Slice(local_contrast(image[:, :, at].T), label[:, :, at].T, inside.T, shown, size, info.unit)


def threshold_of(study: Study, trial: Trial) -> float:
    """Return the threshold at which a trial was scored; 0.5 where its curves are missing."""
    curves = study.path(trial.curves)
    threshold = read_json(curves, "evaluate again").get("threshold") if curves else None
    return 0.5 if threshold is None else float(threshold)


def dice_of(pred: np.ndarray, label: np.ndarray) -> float | None:
    """Return the Dice score of what is labelled; None where neither has vessel."""
    known = label >= 0
    one, other = pred & known, (label > 0) & known
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else None


def tile_figure(drawing: Drawing, title: str, theme: Theme) -> Figure:
    """Return the tiles of a picture as a figure.

    Args:
        drawing: with tiles.
        title: of the study, before that of the picture.
        theme: of the figure.
    """
    panels = []
    for tile in drawing.tiles:
        scale = SIDE / max(tile.size)
        width, height = max(1, round(tile.size[0] * scale)), max(1, round(tile.size[1] * scale))
        name = tile.caption.partition("\n")[0]
        panels.append(Panel(width, height + LINE, shortened(name, CAPTION, width + CAPTION_ROOM)))
    legend = [Entry(showable(words), (colour,)) for colour, words in drawing.legend]
    heading = ": ".join(filter(None, (title, drawing.title)))
    figure, boxes = lay_out(in_rows([[panel] for panel in panels]), heading, [], legend, theme)
    for axes, tile, panel in zip(boxes, drawing.tiles, panels, strict=True):
        x, y, wide, high = axes.get_position().bounds
        line = high * LINE / panel.height  # of the score, whole however narrow the tile is
        axes.set_position((x, y, wide, high - line))
        score = tile.caption.partition("\n")[2]
        figure.text(x, y + high - line / 2, score, color=theme.dim, va="center_baseline", **font(CAPTION))
        draw_picture(axes, tile.pixels / 255, theme.frame)
        draw_scale_bar(axes, tile.pixels.shape[1], tile.size[0] / tile.pixels.shape[1], tile.unit or "voxels")
    return figure
