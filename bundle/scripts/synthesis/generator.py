"""Synthetic vessel volumes with exact labels: what a network can learn from before it has seen a real image.

`curves.py` and `geometry.py` grow vessels, `details.py` alters them, `scenes.py` puts them together, `voxels.py`
rasterises them (`masks.py` cuts real ones out instead) and `imaging.py` looks at them, and at the `bystanders.py`,
through the microscope that `appearance.py` draws.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from scripts.core import refuse

from .appearance import LOOKS, Appearance, draw_appearance
from .growth import capillary_mesh, grow_tree, murray_angles, thick_stems, voxel_anisotropy
from .random_fields import smooth_field
from .rasterise import rasterise
from .real_masks import block_of_mask
from .rendering import render
from .scenes import MIXED, draw_vessels
from .segments import Segment, filled_fraction
from .variations import with_companions, with_widenings

STYLES = {"tree": 3, "mesh": 2, "stack": 3, "plexus": 2, "mixed": 1, "tumour": 1, "hollow": 1, "mask": 2}
"""What grows, and how often where the seed chooses: `tree` sparse branching trees; `mesh` looping capillaries; `stack`
a few coarse slices of thick stems beside threads; `plexus` flat networks whose vessels cast tails in depth, as in OCT
angiography; `mixed` two of them; `tumour` a knot of short tortuous vessels; `hollow` wide vessels of which only the
wall is stained; `mask` blocks of real vessel masks, where there are any."""

DRAWN_STYLES = tuple(style for style in STYLES if style != "mask")

PARTS = (*STYLES, "details", *LOOKS)
"""What can be left out, to see what it is good for: a style; `details`, widenings and vessels side by side; and parts
of the imaging. `hollow` is both a style and a look."""

SMALLEST_SIDE = 8

__all__ = [
    "DRAWN_STYLES",
    "PARTS",
    "STYLES",
    "Appearance",
    "Segment",
    "block_of_mask",
    "capillary_mesh",
    "check_parts",
    "draw_appearance",
    "draw_style",
    "draw_vessels",
    "filled_fraction",
    "grow_tree",
    "murray_angles",
    "rasterise",
    "render",
    "smooth_field",
    "synthesise",
    "thick_stems",
    "voxel_anisotropy",
    "with_companions",
    "with_widenings",
]


def draw_style(seed: int, without: Sequence[str] = (), masks: Sequence[np.ndarray] = ()) -> str:
    """Let the seed choose a style; arguments as for `synthesise`."""
    weights = {name: STYLES[name] for name in _left(without, masks)}
    chances = np.array(list(weights.values())) / sum(weights.values())
    return str(np.random.default_rng([int(seed), 0]).choice(list(weights), p=chances))


def synthesise(
    seed: int,
    shape: tuple[int, int, int] = (128, 128, 64),
    style: str | None = None,
    without: Sequence[str] = (),
    masks: Sequence[np.ndarray] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one vessel volume: the same arguments give the same bytes, and no global state is touched.

    Args:
        seed: a non-negative integer.
        shape: voxels along X, Y, Z, each at least 8. Thin stacks (Z of 8 to 32, and less than half
            of X and Y) get coarser voxels along Z.
        style: one of `STYLES`; None lets the seed choose.
        without: of `PARTS`, those to leave out.
        masks: real vessel masks (X, Y, Z) for the style `mask`, which without them is not chosen.

    Returns:
        image: float32 (X, Y, Z), raw positive intensities as a file would hold them (not scaled to [0, 1]).
        label: uint8 (X, Y, Z), 1 where the drawn vessels fill at least half the voxel, before any blur or noise; in
            some volumes up to nearly a voxel fatter or thinner all over, as annotators differ.

    Raises:
        UserError: one line, naming what is allowed.
    """
    sides = _checked(seed, shape, style, without, masks)
    style = style or draw_style(seed, without, masks)
    # One stream each, so that a change to the imaging leaves the vessels of a seed where they are.
    key = [int(seed), 1 + list(STYLES).index(style), *sides]
    geometry_rng, imaging_rng = (np.random.default_rng([*key, stream]) for stream in range(2))

    anisotropy = voxel_anisotropy(geometry_rng, sides, style)
    appearance = draw_appearance(imaging_rng, style, without)
    if style == "mask":
        depth, tone = block_of_mask(geometry_rng, masks, sides, anisotropy, appearance.tone_spread)
    else:
        segments = draw_vessels(geometry_rng, sides, anisotropy, style, without)
        if "details" not in without:
            segments = _detailed(geometry_rng, segments)
        depth, tone = rasterise(segments, sides, anisotropy, appearance.tones(imaging_rng, segments))
    image = render(imaging_rng, depth, tone, anisotropy, appearance)
    return image, _labelled(depth, appearance.habit).astype(np.uint8)


def _detailed(rng, segments):
    """Some scenes in which vessels widen, and some in which they run in pairs."""
    widen, pair = rng.random(2) < 0.25
    if widen:
        segments = with_widenings(rng, segments, rng.uniform(0.02, 0.2))
    return with_companions(rng, segments, rng.uniform(0.02, 0.3)) if pair else segments


def _labelled(depth, habit):
    """What an annotator calls vessel who draws all of them thinner by `habit`, or fatter, if it is negative."""
    if habit <= 0:
        return depth >= habit
    # threads stay as they are: thinner, they would break up
    return (depth >= habit) | ((depth >= 0) & (ndimage.maximum_filter(depth, 3) < habit + 1.0))


def check_parts(without: Sequence[str], masks: Sequence[np.ndarray] = ()) -> None:
    """Check what is left out; arguments as for `synthesise`.

    Raises:
        UserError: for parts that there are not, or where no style is left.
    """
    if isinstance(without, str) or not set(without) <= set(PARTS):
        refuse(f"--without {without}", "is not a list of parts", f"give some of {', '.join(PARTS)}")
    if not _left(without, masks):
        refuse(f"--without {list(without)}", "leaves no style to draw", "leave out fewer")


def _left(without, masks):
    """Styles that are not left out, nor want masks or parts that are not there."""
    wanting = {"mask": not masks, "mixed": set(MIXED) <= set(without)}
    return [name for name in STYLES if name not in without and not wanting.get(name)]


def _checked(seed, shape, style, without, masks):
    """Return the shape as integers, if all is as `synthesise` says."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        refuse(f"seed {seed!r}", "is not a whole number of at least 0", "give one such as 0")
    if style is not None and style not in STYLES:
        refuse(f"style {style!r}", "is not known", f"give one of {', '.join(STYLES)}")
    if style == "mask" and not masks:
        refuse("style mask", "needs real vessel masks to cut from", "give masks")
    check_parts(without, masks)
    sides = tuple(shape) if isinstance(shape, (tuple, list)) else ()
    if len(sides) != 3 or any(not isinstance(n, (int, np.integer)) or n < SMALLEST_SIDE for n in sides):
        refuse(
            f"shape {shape!r}",
            f"is not three whole numbers of at least {SMALLEST_SIDE}",
            "give X, Y and Z such as (128, 128, 64)",
        )
    return tuple(int(n) for n in sides)
