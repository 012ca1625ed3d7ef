"""Synthetic vessel volumes with exact labels: what a network can learn from before it has seen a real image.

`geometry.py` grows vessels, `scenes.py` puts them together, `voxels.py` rasterises them and `imaging.py` looks at them
through the microscope that `appearance.py` draws.
"""

import numpy as np

from .appearance import Appearance, draw_appearance
from .geometry import (
    Segment,
    capillary_mesh,
    grow_tree,
    murray_angles,
    thick_stems,
    voxel_anisotropy,
)
from .imaging import render, smooth_field
from .scenes import draw_vessels
from .voxels import rasterise

TRAINING_STYLES = ("tree", "mesh", "stack", "plexus", "mixed")
"""What grows: `tree` sparse branching trees; `mesh` looping capillaries; `stack` a few coarse slices of thick stems
beside threads; `plexus` flat networks whose vessels cast tails in depth, as in OCT angiography; `mixed` two of them."""

STYLES = (*TRAINING_STYLES, "tumour", "hollow")
"""Those and two that are kept out of training, as unseen kinds: `tumour`, a knot of short tortuous vessels, and
`hollow`, wide vessels of which only the wall is stained."""

SMALLEST_SIDE = 8

__all__ = [
    "STYLES",
    "TRAINING_STYLES",
    "Appearance",
    "Segment",
    "capillary_mesh",
    "draw_appearance",
    "draw_vessels",
    "grow_tree",
    "murray_angles",
    "rasterise",
    "render",
    "smooth_field",
    "synthesise",
    "thick_stems",
    "voxel_anisotropy",
]


def synthesise(
    seed: int, shape: tuple[int, int, int] = (128, 128, 64), style: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one vessel volume: the same (seed, shape, style) gives the same bytes, and no global state is touched.

    Args:
        seed: a non-negative integer.
        shape: voxels along X, Y, Z, each at least 8. Thin stacks (Z of 8 to 32) get coarser voxels along Z.
        style: one of `STYLES`; None lets the seed choose among `TRAINING_STYLES`.

    Returns:
        image: float32 (X, Y, Z), raw positive intensities as a file would hold them (not scaled to [0, 1]).
        label: uint8 (X, Y, Z), 1 where the drawn vessels fill at least half the voxel, before any blur or noise.

    Raises:
        ValueError: one line, naming what is allowed.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a non-negative integer, not {seed!r}")
    if style is not None and style not in STYLES:
        raise ValueError(f"style must be one of {', '.join(STYLES)} or None, not {style!r}")
    sides = tuple(shape) if isinstance(shape, (tuple, list)) else ()
    if len(sides) != 3 or any(not isinstance(n, (int, np.integer)) or n < SMALLEST_SIDE for n in sides):
        raise ValueError(f"shape must be three integers of at least {SMALLEST_SIDE} (X, Y, Z), not {shape!r}")
    sides = tuple(int(n) for n in sides)

    if style is None:
        style = TRAINING_STYLES[np.random.default_rng([int(seed), 0]).integers(len(TRAINING_STYLES))]
    # One stream each, so that a change to the imaging leaves the vessels of a seed where they are.
    key = [int(seed), 1 + STYLES.index(style), *sides]
    geometry_rng, imaging_rng = (np.random.default_rng([*key, stream]) for stream in range(2))

    anisotropy = voxel_anisotropy(geometry_rng, sides, style)
    segments = draw_vessels(geometry_rng, sides, anisotropy, style)
    appearance = draw_appearance(imaging_rng, style)
    depth, tone = rasterise(segments, sides, anisotropy, appearance.tones(imaging_rng, segments))
    image = render(imaging_rng, depth, tone, anisotropy, appearance)
    return image, (depth >= 0).astype(np.uint8)
