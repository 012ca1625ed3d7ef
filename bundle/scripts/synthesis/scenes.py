"""Scenes: which trees, meshes and stems stand together in a volume of each style."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from .growth import capillary_mesh, grow_tree, thick_stem
from .organ_trees import organ_filling
from .random_fields import log_uniform
from .segments import MIN_RADIUS, Segment, renumbered, volume_fraction

MAX_ROOTS = 60
"""A scene ends with so many trees even if it is emptier than was drawn: roots may miss the volume."""

MIN_FRACTION = 0.003
"""Share of the volume that is vessel in the emptiest scene."""

MIXED = ("tree", "mesh", "stack", "plexus")
"""Styles of which `mixed` takes two."""


def draw_vessels(
    rng: np.random.Generator, shape: Sequence[int], anisotropy: float, style: str, without: Sequence[str] = ()
) -> list[Segment]:
    """Draw the vessels of one volume.

    Args:
        rng: random generator for every draw.
        shape: voxels along X, Y, Z.
        anisotropy: voxel size along Z divided by voxel size in plane.
        style: what grows, one of `STYLES` except `mask`.
        without: styles that `mixed` does not take.

    Returns:
        Segments in in-plane voxels.
    """
    box = np.array(shape, float) * (1.0, 1.0, anisotropy)
    scene = partial(_mixed, without=without) if style == "mixed" else _SCENES[style]
    segments = scene(rng, box)
    for _ in range(10):  # roots can graze the volume, which should never be (nearly) without a vessel
        if volume_fraction(segments, box) >= MIN_FRACTION:
            break
        segments += renumbered(scene(rng, box), len(segments))
    return segments


def _trees(
    rng: np.random.Generator,
    box: np.ndarray,
    fraction: float,
    max_radius: float,
    *,
    z_factor: float = 1.0,
    group: int = 0,
    min_radius: float = MIN_RADIUS,
) -> list[Segment]:
    """Grow trees through the faces of a box until about `fraction` of it is filled.

    `z_factor` below 1 makes them flat; groups count up from `group`.
    """
    segments: list[Segment] = []
    filled = 0.0
    tortuosity, length_factor = rng.uniform(0.02, 0.45), log_uniform(rng, 0.7, 3.5)
    for _ in range(MAX_ROOTS):
        inner = rng.uniform(0.25, 0.75, 3) * box
        outer = rng.uniform(0, 1, 3) * box
        # flat trees enter from the sides
        axis = rng.integers(2 if z_factor < 1 else 3)
        outer[axis] = box[axis] * rng.integers(2)
        radius = max(log_uniform(rng, max(0.35 * max_radius, min_radius), max_radius), min_radius)
        tree = grow_tree(
            rng,
            box,
            outer,
            inner - outer,
            radius,
            min_radius=min_radius,
            tortuosity=tortuosity,
            length_factor=length_factor,
            z_factor=z_factor,
            group=group,
        )
        segments += renumbered(tree, len(segments))
        group += 1
        filled += volume_fraction(tree, box)
        if filled >= fraction:
            break
    return segments


def _tree(rng: np.random.Generator, box: np.ndarray) -> list[Segment]:
    """Draw sparse trees, from thin twigs to an aorta."""
    max_radius = min(log_uniform(rng, 1.2, 12.0), 0.2 * float(box.min()) + 1)
    return _trees(rng, box, log_uniform(rng, 0.003, 0.12), max_radius)


def _mesh(rng: np.random.Generator, box: np.ndarray) -> list[Segment]:
    """Draw a capillary bed, often with the arterioles and venules that feed it."""
    radius = log_uniform(rng, MIN_RADIUS, 3.2)
    # the lower limit keeps lumens apart: meshes of thick vessels are wide ones
    spacing = radius * log_uniform(rng, 6.0, 20.0)
    spacing = max(spacing, 9.0, float(np.prod(box)) ** (1 / 3) / 17)
    segments = capillary_mesh(rng, box, spacing, radius, tortuosity=rng.uniform(0.03, 0.3))
    if rng.random() < 0.6:
        feeding = _trees(rng, box, rng.uniform(0.01, 0.08), radius * rng.uniform(2, 4), group=1)
        segments += renumbered(feeding, len(segments))
    return segments


def _stack(rng: np.random.Generator, box: np.ndarray) -> list[Segment]:
    """Draw thick stems, often beside thin trees or a thin mesh."""
    # at most 0.44 of the field wide: a stem that fills the view has no edges to learn from
    limit = min(32.0, 0.22 * float(box[:2].min()))
    segments: list[Segment] = []
    target = rng.uniform(0.05, 0.35)
    for group in range(8):
        radius = min(log_uniform(rng, 3.0, 34.0), limit)
        stem = thick_stem(rng, box, radius, branches=bool(rng.random() < 0.8), group=group)
        segments += renumbered(stem, len(segments))
        if volume_fraction(segments, box) > target:
            break
    if rng.random() < 0.8:
        thin = log_uniform(rng, MIN_RADIUS, 2.0)
        twigs = _trees(
            rng, box, rng.uniform(0.005, 0.04), thin * rng.uniform(1, 2), z_factor=rng.uniform(0.4, 1.3), group=10
        )
        segments += renumbered(twigs, len(segments))
    if rng.random() < 0.4:
        thin = log_uniform(rng, MIN_RADIUS, 1.8)
        spacing = thin * rng.uniform(9, 20)
        segments += renumbered(capillary_mesh(rng, box, spacing, thin, group=90), len(segments))
    return segments


def _plexus(rng: np.random.Generator, box: np.ndarray) -> list[Segment]:
    """Draw flat trees of wide vessels, some of them with one or two layers of capillaries."""
    segments: list[Segment] = []
    radius = log_uniform(rng, MIN_RADIUS, 2.5)
    # a bed everywhere would teach that speckle is capillaries: often there are none, or too few to see
    for layer in range(int(rng.choice([0, 0, 1, 1, 2]))):
        spacing = max(radius * log_uniform(rng, 5, 12), 7.0)
        bed = capillary_mesh(
            rng, box, spacing, radius, flat=True, tortuosity=rng.uniform(0.05, 0.25), group=100 + layer
        )
        keep = rng.random(len(bed)) < rng.uniform(0.3, 1.0)  # gaps: capillaries without flow are dark
        segments += renumbered([s for s, kept in zip(bed, keep, strict=True) if kept], len(segments))
        if rng.random() < 0.5:
            break
    wide = _trees(
        rng, box, rng.uniform(0.02, 0.16), log_uniform(rng, 2.0, 8.0), z_factor=rng.uniform(0.02, 0.3), group=0
    )
    return segments + renumbered(wide, len(segments))


def _mixed(rng: np.random.Generator, box: np.ndarray, without: Sequence[str] = ()) -> list[Segment]:
    """Draw two scenes in one box."""
    scenes = [_SCENES[style] for style in MIXED if style not in without] or [_tree]
    segments: list[Segment] = []
    for i in rng.choice(len(scenes), size=min(2, len(scenes)), replace=False):
        more = renumbered(scenes[i](rng, box), len(segments))
        segments += [replace(s, group=s.group + 1000 * int(i)) for s in more]
    return segments


def _tumour(rng: np.random.Generator, box: np.ndarray) -> list[Segment]:
    """Draw a knot of short, tortuous vessels that begin in the middle of the box."""
    segments: list[Segment] = []
    target = rng.uniform(0.06, 0.14)
    for group in range(MAX_ROOTS):
        start = box * (0.5 + 0.12 * rng.normal(size=3)).clip(0.1, 0.9)
        radius = log_uniform(rng, 1.5, 3.5)
        knot = grow_tree(rng, box, start, rng.normal(size=3), radius, tortuosity=0.7, length_factor=0.6, group=group)
        segments += renumbered(knot, len(segments))
        if volume_fraction(segments, box) > target:
            break
    return segments


def _hollow(rng: np.random.Generator, box: np.ndarray) -> list[Segment]:
    """Draw trees that are wide enough to leave a lumen between their walls."""
    max_radius = min(rng.uniform(6.0, 9.0), 0.2 * float(box.min()) + 1)
    return _trees(rng, box, rng.uniform(0.1, 0.16), max_radius, min_radius=min(2.5, max_radius))


_SCENES: dict[str, Callable[[np.random.Generator, np.ndarray], list[Segment]]] = {
    "tree": _tree,
    "mesh": _mesh,
    "stack": _stack,
    "plexus": _plexus,
    "tumour": _tumour,
    "hollow": _hollow,
    "organ": organ_filling,
}
