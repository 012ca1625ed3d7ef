"""Views of a volume as colours: grey values with local contrast, tints and outlines.

A view is an array (rows, columns), a cut through a volume or a projection of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .theme import NOT_LABELLED_COLOUR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OUTLINE_LEVEL = 0.2
"""An outline runs this far from the next voxel, 0.3 voxels outside of what it surrounds."""
ONE_PIXEL = 0.72  # points, at 100 dots an inch
LEAST_LIGHT = 0.5  # of a tint over black
GAMMA = 0.6  # what is a tenth as bright is then shown a quarter as bright
NOISE, SHARES = (0.005, 0.02), (0.85, 0.25)  # median step between pixels, share of the equalised view
HATCH_PERIOD, HATCH_WIDTH = 9, 2  # pixels


def stretch(view: np.ndarray) -> np.ndarray:
    """Return a view in [0, 1], float32, half a per cent clipped at either end.

    What is not finite is drawn as the darkest; a view of one value is mid-grey.
    """
    view = np.asarray(view, np.float32)
    finite = np.isfinite(view)
    if not finite.any():
        return np.full(view.shape, 0.5, np.float32)
    view = np.where(finite, view, view[finite].min())
    low, high = np.percentile(view, [0.5, 99.5])
    if high <= low:  # nearly all of it is one value: show what differs
        low, high = float(view.min()), float(view.max())
    if high <= low:
        return np.full(view.shape, 0.5, np.float32)
    return np.clip((view - low) / (high - low), 0, 1).astype(np.float32)


def local_contrast(view: np.ndarray) -> np.ndarray:
    """Return a view in [0, 1], float32, in which dim vessels show beside bright ones.

    Gamma and contrast-limited adaptive histogram equalisation (CLAHE), over tiles of an eighth of the shorter side, are
    mixed with the view itself: the noisier the view, the less of them, because they would lift the noise as well. It is
    for display only.
    """
    from skimage.exposure import equalize_adapthist

    plain = stretch(view)
    if plain.min() == plain.max() or min(plain.shape) < 8:
        return plain
    tile = max(8, min(plain.shape) // 8)
    steps = np.abs(np.diff(plain, axis=1))  # from one pixel to the next, most of them noise
    share = np.interp(np.median(steps), NOISE, SHARES)
    equal = equalize_adapthist(plain**GAMMA, kernel_size=tile, clip_limit=0.02)
    return (share * equal + (1 - share) * plain).astype(np.float32)


def shrunk(view: np.ndarray, factor: int) -> np.ndarray:
    """Return the means of squares of pixels; those at the end may be smaller."""
    if factor <= 1:
        return view
    view = np.asarray(view, np.float32)
    for axis in (0, 1):
        starts = np.arange(0, view.shape[axis], factor)
        lengths = np.diff(np.append(starts, view.shape[axis]))
        shape = (-1,) + (1,) * (view.ndim - 1) if axis == 0 else (1, -1) + (1,) * (view.ndim - 2)
        view = np.add.reduceat(view, starts, axis=axis) / lengths.reshape(shape)
    return view


def tinted(
    grey: np.ndarray, tints: Sequence[tuple[np.ndarray, object]], factor: int = 1, least: float = LEAST_LIGHT
) -> np.ndarray:
    """Return grey values with tints over them, (rows, columns, RGB) in [0, 1].

    The grey value is still seen under a tint: it makes it darker or lighter.

    Args:
        grey: (rows, columns) in [0, 1].
        tints: for each, where it is, (rows, columns), true or the share of a pixel that it covers; and its colour,
            Matplotlib's name of it or an array (rows, columns, RGB). Where several are, the last one is seen.
        factor: by how much to shrink the result in both directions.
        least: how light a tint is over black, from 0 to 1.
    """
    from matplotlib.colors import to_rgb

    grey = shrunk(grey, factor)[..., None]
    picture = np.repeat(grey, 3, axis=-1)
    for where, colour in tints:
        cover = np.asarray(where, np.float32)
        if isinstance(colour, np.ndarray):  # the mean colour of what is covered
            share = shrunk(cover, factor)[..., None]
            colours = shrunk(colour * cover[..., None], factor) / np.maximum(share, 1e-6)
        else:
            colours = np.array(to_rgb(colour), np.float32)
        # twice as opaque as it should be: one thin vessel among sixteen pixels is still seen
        opacity = np.minimum(1, shrunk(cover, factor) * (2 if factor > 1 else 1))[..., None]
        picture = picture * (1 - opacity) + opacity * colours * (least + (1 - least) * grey)
    return np.clip(picture, 0, 1).astype(np.float32)


def draw_picture(axes: Axes, picture: np.ndarray, frame: str) -> None:
    """Draw a picture in a thin frame; it fills the axes.

    Args:
        axes: to draw on.
        picture: (rows, columns) or (rows, columns, RGB) in [0, 1].
        frame: colour of the frame.
    """
    rows, columns = picture.shape[:2]
    zooms = axes.bbox.width / columns, axes.bbox.height / rows
    # voxels of whole pixels, or large ones, stay rectangles
    crisp = all(zoom > 3 or abs(zoom - max(1, round(zoom))) < 1e-6 for zoom in zooms)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest" if crisp else "hanning", aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=frame, linewidth=ONE_PIXEL)


def draw_outline(axes: Axes, mask: np.ndarray | None, colour: str, factor: int = 1) -> None:
    """Outline what is above 0 in a mask by a line, about a pixel wide, just outside of it.

    Args:
        axes: to draw on, over a picture of the mask's size.
        mask: (rows, columns); None draws nothing.
        colour: of the line.
        factor: by how much the picture was shrunk in both directions.
    """
    if mask is None or not (mask > 0).any():
        return
    inside = shrunk((mask > 0).astype(np.float32), factor)
    rows, columns = inside.shape
    # along the border of a picture there is no line: what is outside is not known
    padded = np.pad(inside, 1, mode="edge")
    x, y = np.arange(-1, columns + 1), np.arange(-1, rows + 1)
    large = axes.get_window_extent().width >= 2 * columns  # where voxels have a pixel each, nothing may be wider
    width = ONE_PIXEL * (1.3 if large else 1.0)
    if padded.min() < OUTLINE_LEVEL < padded.max():
        lines = axes.contour(x, y, padded, levels=[OUTLINE_LEVEL], colors=[colour], linewidths=width)
        lines.set_snap(False)  # to whole pixels, which would put a line over the voxels beside it
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)


def draw_hatch(axes: Axes, where: np.ndarray, size: tuple[int, int]) -> None:
    """Hatch in grey what is not labelled.

    Args:
        axes: to draw on, over a picture of the same size.
        where: (rows, columns), above 0 where to hatch.
        size: width and height of the axes in pixels.
    """
    if not np.any(where):
        return
    from matplotlib.colors import to_rgb

    width, height = size
    rows = np.arange(height) * where.shape[0] // height
    columns = np.arange(width) * where.shape[1] // width
    down, across = np.indices((height, width))
    stripes = (down + across) % HATCH_PERIOD < HATCH_WIDTH
    tint = np.zeros((height, width, 4), np.float32)  # RGBA
    tint[..., :3] = to_rgb(NOT_LABELLED_COLOUR)
    tint[..., 3] = np.where(np.asarray(where)[rows][:, columns] > 0, np.where(stripes, 0.75, 0.25), 0)
    limits = (-0.5, where.shape[1] - 0.5, where.shape[0] - 0.5, -0.5)
    axes.imshow(tint, interpolation="nearest", aspect="auto", extent=limits)
