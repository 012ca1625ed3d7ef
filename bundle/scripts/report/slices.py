"""Pictures of a volume: a slice, all of it along Z, two cuts along Z, and what was found.

Each is shown as it is, with the segmentation, and, where there is a label, by how far the two agree.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.core import by, refuse

from .figure import draw_scale_bar, in_rows, lay_out, save_figure
from .projection import Projection, agreement, project
from .sheet import MAX_SIDE, Cut, Scale, Sheet
from .theme import showable, theme_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLOSE_SIDE, CLOSE_PIXELS = 256, 2  # voxels of the part of a large slice that is shown, and pixels of each
SIGN = " × "
VIEWS = ("slice", "projection", "sides")


def slice_panel(path: str | os.PathLike[str], image: np.ndarray, *volumes: np.ndarray | None, **words: Any) -> Path:
    """Write the picture that `slice_figure` draws as a PNG.

    Args:
        path: of the PNG, which appears whole or not at all.
        image: this and all further arguments are those of `slice_figure`.
        volumes: label, prediction, probability.
        words: title, spacing and the like.

    Returns:
        The path.

    Raises:
        UserError: for an array that is not three-dimensional or not of the image's shape, for a theme that does not
            exist, or if the picture cannot be written.
    """
    return save_figure(slice_figure(image, *volumes, **words), path)


def slice_figure(
    image: np.ndarray,
    label: np.ndarray | None = None,
    pred: np.ndarray | None = None,
    probability: np.ndarray | None = None,
    title: str = "",
    *,
    spread: np.ndarray | None = None,
    spacing: Sequence[float] | None = None,
    unit: str = "µm",
    theme: str = "dark",
    names: Sequence[str] = (),
    views: Sequence[str] = VIEWS,
) -> Figure:
    """Draw a volume, what was found in it and how far that agrees with its label.

    There is the slice that holds most vessel (in the label, else in the prediction, else in the image), outlined, of
    large volumes the part of it with most; the
    maximum along Z, tinted by depth or by class; and two cuts along Z. All are drawn at one scale and in the
    proportions of the voxels, except an axis so short that it has to be stretched to be seen, which the caption says.
    Beside the volumes themselves, a few planes are in memory.

    Args:
        image: (X, Y, Z) intensities of any scale.
        label: (X, Y, Z), vessel above 0, background at 0, not labelled below. With a prediction it gives the scores,
            and pictures of what is in both or in one of the two.
        pred: (X, Y, Z), vessel above 0; several whole numbers are several classes.
        probability: (X, Y, Z) in [0, 1]; its maximum along Z is a further picture.
        title: a line above the pictures.
        spread: (X, Y, Z), how far repeated predictions differ; its maximum along Z is a further picture.
        spacing: voxel size along X, Y, Z in `unit`; without it there is no scale bar.
        unit: of the scale bar.
        theme: dark or light.
        names: of the values 1, 2, ... of the prediction, where there are several.
        views: which of slice, projection and sides to draw.

    Raises:
        UserError: for an array that is not three-dimensional or not of the image's shape, or for a theme that does not
            exist.
    """
    colours = theme_of(theme)
    image = as_volume("image", image)
    given = (("label", label), ("pred", pred), ("probability", probability), ("spread", spread))
    label, pred, probability, spread = (None if a is None else as_volume(n, a, image.shape) for n, a in given)
    mask = label if pred is None else pred
    found = project(image, mask, label, judged=pred is not None and label is not None)
    at = fullest_slices(image, label, pred, probability)
    sheet = Sheet(Scale(image.shape, spacing), found, pred is not None, _classes(found, names),
                  _depth(image.shape[2], spacing, unit))  # fmt: skip

    def cut(axis: int) -> Cut:
        """Return the slice across an axis, the earlier of the other two from left to right."""
        place: list[Any] = [slice(None)] * 3
        place[axis] = at[axis]
        here, masked, labelled = (None if a is None else a[tuple(place)].T for a in (image, mask, label))
        both = agreement(masked, labelled) if found.judged else None
        return Cut(here, masked, both, np.zeros(here.shape, bool) if labelled is None else labelled < 0)

    if "slice" in views:
        sheet.add_slice(*_close(cut(2), sheet.scale, f"slice Z = {at[2]} (0 to {image.shape[2] - 1})"))
    if "projection" in views and image.shape[2] > 1:
        sheet.add_projection()
    if probability is not None:
        sheet.add_heat(_brightest(probability), "probability", (0, 1))
    if spread is not None:
        highest = _brightest(spread)
        sheet.add_heat(highest, "spread", (0, float(highest.max())))
    if "sides" in views and image.shape[2] > 1:
        sheet.add_sides({axis: cut(axis) for axis in (1, 0) if image.shape[1 - axis] > 1}, at)
    lines = _lines(image.shape, spacing, unit, found)
    figure, boxes = lay_out(in_rows(sheet.groups), title, lines, sheet.legend(), colours)
    for axes, paint in zip(boxes, sheet.painters, strict=True):
        paint(axes, colours.frame)
    for panel, voxels in sheet.bars.items() if spacing is not None else ():
        draw_scale_bar(boxes[panel], voxels, float(spacing[0]), unit)  # type: ignore[index]
    return figure


def _close(view: Cut, scale: Scale, caption: str) -> tuple[Cut, str]:
    """Return the part of a large slice with most vessel, enlarged, and a caption that says so."""
    rows, columns = view.image.shape
    pixels = float(scale.pixels[:2].min())
    if pixels >= 1 or max(rows, columns) <= MAX_SIDE:
        return view, caption
    filled = (view.image if view.mask is None or not (view.mask > 0).any() else view.mask > 0).astype(np.float32)
    starts = []
    for axis, length in ((0, rows), (1, columns)):
        along = np.concatenate(([0], np.cumsum(np.nan_to_num(filled).sum(axis=1 - axis, dtype=np.float64))))
        size = min(length, CLOSE_SIDE)
        starts.append((int(np.argmax(along[size:] - along[:-size])), size))
    place = tuple(slice(start, start + size) for start, size in starts)
    (y, height), (x, width) = starts
    parts = (None if a is None else a[place] for a in (view.image, view.mask, view.agreement, view.unlabelled))
    where = f"part of {caption}: X {x} to {x + width - 1}, Y {y} to {y + height - 1}"
    return Cut(*parts, magnified=CLOSE_PIXELS / pixels), where  # type: ignore[arg-type]


def _lines(shape: Sequence[int], spacing: Sequence[float] | None, unit: str, found: Projection) -> list[str]:
    """Return what is said above the pictures: size, share of vessel, scores."""
    size = f"{by(shape, SIGN)} voxels (X × Y × Z)"
    if spacing is not None:
        size += f" of {by((f'{step:.3g}' for step in spacing), SIGN)} {unit}"
    if not found.masked:
        return [size]
    share = f"{100 * found.segmented / found.voxels:.3g} % vessel"
    lines = [f"{size}, {share}" if not found.judged else f"{size}, {share} in the segmentation"]
    if found.judged:
        if not found.labelled:
            return [*lines, "no voxel is labelled, so there are no scores"]
        part = f"{100 * found.labelled / found.voxels:.3g} % that are labelled"
        scores = ", ".join(f"{name} {'undefined' if value is None else f'{value:.3f}'}"
                           for name, value in found.scores().items())  # fmt: skip
        lines.append(f"{scores}, over {'all voxels' if found.labelled == found.voxels else f'the {part}'}")
    return lines


def _depth(slices: int, spacing: Sequence[float] | None, unit: str) -> str:
    """Return what the colours of the depth say."""
    if spacing is None:
        return f"depth, slices 0 to {slices - 1}"
    return f"depth, 0 to {(slices - 1) * float(spacing[2]):.3g} {unit}"


def _classes(found: Projection, names: Sequence[str]) -> dict[int, str]:
    """Return a name for each value of a mask that holds several."""
    if len(found.values) < 2:
        return {}
    return {
        value: showable(names[value - 1]) if 0 < value <= len(names) else f"class {value}" for value in found.values
    }


def _brightest(volume: np.ndarray) -> np.ndarray:
    """Return the maximum along Z of numbers (X, Y, Z), as (rows, columns)."""
    return np.nan_to_num(np.fmax.reduce(volume, axis=2)).T


def as_volume(name: str, array: np.ndarray, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return an array as (X, Y, Z), without an axis of one channel.

    Args:
        name: what the array is, for the message.
        array: (X, Y, Z) or (1, X, Y, Z).
        shape: which it has to have.

    Raises:
        UserError: for another shape.
    """
    array = np.asarray(array)
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 3:
        refuse(name, f"has the shape {array.shape}", "give (X, Y, Z)")
    if shape is not None and array.shape != shape:
        refuse(name, f"has the shape {array.shape} and the image {shape}", "give arrays of one shape")
    return array


def fullest_slice(volume: np.ndarray) -> int:
    """Return which slice across Z of a label, or else of an image (X, Y, Z), holds most vessel.

    Slices at the border are chosen only where no other holds vessel.
    """
    return fullest_slices(volume, None, None, None)[2]


def fullest_slices(
    image: np.ndarray, label: np.ndarray | None, pred: np.ndarray | None, probability: np.ndarray | None
) -> list[int]:
    """Return, for each axis, which slice holds most vessel.

    The first of label, prediction, probability and image (X, Y, Z each) that is not constant tells what vessel is. Of
    equal slices, the one nearest to the middle is taken.
    """
    for candidate in (label, pred, probability, image):
        sums = None if candidate is None else _sums(candidate, candidate is label or candidate is pred)
        if sums is None:
            continue
        chosen = []
        for n, along in zip(image.shape, sums, strict=True):
            # vessels are cut off at the border, so it counts only where there is nothing further in
            along[: n // 16] *= 1e-3
            along[n - n // 16 :] *= 1e-3
            most = np.flatnonzero(along >= along.max() * (1 - 1e-9))
            chosen.append(int(most[np.abs(most - n // 2).argmin()]))  # of equals the middle one
        return chosen
    return [n // 2 for n in image.shape]


def _sums(volume: np.ndarray, is_mask: bool) -> list[np.ndarray] | None:
    """Return what lies above 0 in the slices across each axis; None if all is the same."""
    across = [np.zeros(n) for n in volume.shape]
    low, high = np.inf, -np.inf
    for z in range(volume.shape[2]):
        plane = np.nan_to_num(volume[:, :, z])
        plane = plane > 0 if is_mask else np.maximum(plane, 0)
        low, high = min(low, plane.min()), max(high, plane.max())
        across[0] += plane.sum(axis=1, dtype=np.float64)
        across[1] += plane.sum(axis=0, dtype=np.float64)
        across[2][z] = plane.sum(dtype=np.float64)
    return None if low == high else across
