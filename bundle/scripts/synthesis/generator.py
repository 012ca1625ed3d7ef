"""Draw a synthetic vessel volume and its exact label from a seed.

The steps: `scenes.py` draws vessels and `variations.py` varies them, `rasterise.py` makes voxels of them (or
`real_masks.py` cuts real ones out), `rendering.py` makes the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from scripts.core import refuse

from .appearance import IMAGING_PARTS, draw_appearance
from .processing import processed
from .rasterise import rasterise, voxel_anisotropy
from .real_masks import block_of_mask
from .rendering import render
from .scenes import MIXED, draw_vessels
from .segments import Segment
from .variations import with_companions, with_widenings

STYLES = {
    "tree": 4,
    "mesh": 4,
    "stack": 6,
    "plexus": 4,
    "mixed": 2,
    "tumour": 1,
    "hollow": 1,
    "mask": 10,
    "organ": 4,
}
"""What grows, and how often each style comes where the seed chooses.

- `tree`: sparse branching trees.
- `mesh`: looping capillaries.
- `stack`: a few coarse slices of thick stems beside thin vessels.
- `plexus`: flat networks whose vessels cast tails in depth, as in OCT angiography.
- `mixed`: two of the above.
- `tumour`: a knot of short tortuous vessels.
- `hollow`: wide vessels of which only the wall is stained.
- `mask`: blocks of real vessel masks, where some are given. Real geometry is worth more than any other part.
- `organ`: one or two trees that feed every part of an organ, as in the liver.
"""

DRAWN_STYLES = tuple(style for style in STYLES if style != "mask")
"""The styles that need no real masks."""

PARTS = (*STYLES, "variations", *IMAGING_PARTS)
"""What can be left out, to see what it is good for.

A style; `variations`, which are widenings and vessels side by side; or a part of the imaging, to which `processing`
after it belongs. `hollow` is both a style and a part of the imaging.
"""

MIN_SIDE = 8


def draw_style(seed: int, without: Sequence[str] = (), masks: Sequence[np.ndarray] = ()) -> str:
    """Let the seed choose a style.

    Args:
        seed: a whole number of at least 0.
        without: those of `PARTS` that are left out.
        masks: real vessel masks; without any, the style `mask` is not chosen.
    """
    weights = {name: STYLES[name] for name in _styles_left(without, masks)}
    chances = np.array(list(weights.values())) / sum(weights.values())
    return str(np.random.default_rng([int(seed), 0]).choice(list(weights), p=chances))


def synthesise(
    seed: int,
    shape: tuple[int, int, int] = (128, 128, 64),
    style: str | None = None,
    without: Sequence[str] = (),
    masks: Sequence[np.ndarray] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one vessel volume and its label.

    The same arguments give the same bytes, and no global state is used or changed.

    Args:
        seed: a whole number of at least 0.
        shape: voxels along X, Y, Z, each at least 8. Voxels of thin stacks (Z at most 32, and less than half of X and
            Y) are coarser along Z.
        style: what grows, one of `STYLES`; None lets the seed choose.
        without: those of `PARTS` that are left out.
        masks: real vessel masks (X, Y, Z) for the style `mask`, vessel where not 0.

    Returns:
        image: float32 (X, Y, Z), raw intensities of at least 0, as a file would hold them (not scaled to [0, 1]).
        label: uint8 (X, Y, Z), 1 where the drawn vessels fill at least half the voxel, before any blur or noise. As
            annotators differ, all vessels of some volumes are up to nearly a voxel thicker or thinner.

    Raises:
        UserError: for a seed, shape, style, part or mask that cannot be used.
    """
    sides = _checked(seed, shape, style, without, masks)
    style = style or draw_style(seed, without, masks)
    # a stream each, so that a change to the imaging leaves the vessels of a seed where they are
    key = [int(seed), 1 + list(STYLES).index(style), *sides]
    geometry_rng, imaging_rng = (np.random.default_rng([*key, stream]) for stream in range(2))

    anisotropy = voxel_anisotropy(geometry_rng, sides, style)
    look = draw_appearance(imaging_rng, style, without)
    if style == "mask":
        depth, brightness = block_of_mask(geometry_rng, masks, sides, anisotropy, look.brightness_spread)
    else:
        segments = draw_vessels(geometry_rng, sides, anisotropy, style, without)
        if "variations" not in without:
            segments = _varied(geometry_rng, segments)
        depth, brightness = rasterise(segments, sides, anisotropy, look.vessel_brightness(imaging_rng, segments))
    image = render(imaging_rng, depth, brightness, anisotropy, look)
    image = processed(imaging_rng, image, anisotropy, look.processing)
    image = np.rint(image) if look.integer else image
    return image, _annotated(depth, look.label_offset).astype(np.uint8)


def _varied(rng: np.random.Generator, segments: list[Segment]) -> list[Segment]:
    """Widen vessels in some volumes, and let them run in pairs in some."""
    widen, pair = rng.random(2) < 0.25
    if widen:
        segments = with_widenings(rng, segments, rng.uniform(0.02, 0.2))
    return with_companions(rng, segments, rng.uniform(0.02, 0.3)) if pair else segments


def _annotated(depth: np.ndarray, offset: float) -> np.ndarray:
    """Return the label of an annotator who draws all vessels too thin, or too thick.

    Args:
        depth: (X, Y, Z), how deep each voxel lies in a vessel.
        offset: by how many voxels they are too thin; negative where they are too thick.
    """
    if offset <= 0:
        return depth >= offset
    # thin vessels stay as they are: thinner, they would break up
    return (depth >= offset) | ((depth >= 0) & (ndimage.maximum_filter(depth, 3) < offset + 1.0))


def check_parts(without: Sequence[str], masks: Sequence[np.ndarray] = ()) -> None:
    """Check which parts of the synthetic volumes are left out.

    Args:
        without: those of `PARTS` that are left out.
        masks: real vessel masks, without which the style `mask` cannot be drawn.

    Raises:
        UserError: for a part that does not exist, or if no style is left.
    """
    if isinstance(without, str) or not set(without) <= set(PARTS):
        refuse(
            f"--without {without}",
            "holds what is not a part",
            f"give a list of some of {', '.join(dict.fromkeys(PARTS))}",
        )
    if not _styles_left(without, masks):
        refuse(f"--without {list(without)}", "leaves no style to draw", "leave out fewer")


def _styles_left(without: Sequence[str], masks: Sequence[np.ndarray]) -> list[str]:
    """Return the styles that are not left out and have the masks or styles that they need."""
    impossible = {"mask": not masks, "mixed": set(MIXED) <= set(without)}
    return [name for name in STYLES if name not in without and not impossible.get(name)]


def _checked(
    seed: int, shape: Sequence[int], style: str | None, without: Sequence[str], masks: Sequence[np.ndarray]
) -> tuple[int, ...]:
    """Check the arguments of `synthesise`, and return the shape as plain integers."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        refuse(f"seed {seed!r}", "is not a whole number of at least 0", "give one such as 0")
    if style is not None and style not in STYLES:
        refuse(f"style {style!r}", "is not known", f"give one of {', '.join(STYLES)}")
    if style == "mask" and not masks:
        refuse("style mask", "needs real vessel masks to cut from", "give masks")
    check_parts(without, masks)
    sides = tuple(shape) if isinstance(shape, (tuple, list)) else ()
    if len(sides) != 3 or any(not isinstance(n, (int, np.integer)) or n < MIN_SIDE for n in sides):
        refuse(
            f"shape {shape!r}",
            f"is not three whole numbers of at least {MIN_SIDE}",
            "give X, Y and Z such as (128, 128, 64)",
        )
    return tuple(int(n) for n in sides)
