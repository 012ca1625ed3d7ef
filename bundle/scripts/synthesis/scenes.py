"""Which vessels stand together in one volume: a drawn mixture for each style."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from .growth import capillary_mesh, grow_tree, thick_stems
from .segments import SMALLEST_RADIUS, Segment, filled_fraction

MOST_ROOTS = 60
"""A scene stops here even if it is emptier than was drawn: roots may miss the volume, time must not run away."""

FEWEST_VESSELS = 0.003
"""Share of the volume that is vessel in the emptiest scene."""


MIXED = ("tree", "mesh", "stack", "plexus")
"""What `mixed` takes two of."""


def draw_vessels(
    rng: np.random.Generator, shape: Sequence[int], anisotropy: float, style: str, without: Sequence[str] = ()
) -> list[Segment]:
    """Draw the vessels of one volume.

    Args:
        rng: source of every draw.
        shape: voxels along X, Y, Z.
        anisotropy: depth of a voxel over its width.
        style: as in `synthesise`.
        without: styles that `mixed` leaves out too.

    Returns:
        Segments in in-plane voxels; `group` tells which tree, mesh or stem each belongs to.
    """
    box = np.array(shape, float) * (1.0, 1.0, anisotropy)
    scene = partial(_mixed, without=without) if style == "mixed" else _SCENES[style]
    segments = scene(rng, box)
    for _ in range(10):  # roots can graze the volume: never leave it (nearly) without a vessel
        if filled_fraction(segments, box) >= FEWEST_VESSELS:
            break
        segments += _shifted(scene(rng, box), segments)
    return segments


def _between(rng, low, high):
    """Log-uniform: as many thin as thick, as many sparse as dense."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _trees(rng, box, fraction, largest, *, flatness=1.0, group=0, smallest=SMALLEST_RADIUS):
    """Trees that enter through the faces until about `fraction` of the box is filled."""
    segments: list[Segment] = []
    filled = 0.0
    tortuosity, reach = rng.uniform(0.02, 0.45), _between(rng, 0.7, 3.5)
    for _ in range(MOST_ROOTS):
        inner = rng.uniform(0.25, 0.75, 3) * box
        outer = rng.uniform(0, 1, 3) * box
        # A flat scene is entered from its sides.
        axis = rng.integers(2 if flatness < 1 else 3)
        outer[axis] = box[axis] * rng.integers(2)
        radius = max(_between(rng, max(0.35 * largest, smallest), largest), smallest)
        tree = grow_tree(
            rng,
            box,
            outer,
            inner - outer,
            radius,
            smallest=smallest,
            tortuosity=tortuosity,
            reach=reach,
            flatness=flatness,
            group=group,
        )
        shift = len(segments)
        segments += [
            Segment(s.points, s.radii, s.radius, s.parent + shift if s.parent >= 0 else -1, group) for s in tree
        ]
        group += 1
        filled += filled_fraction(tree, box)
        if filled >= fraction:
            break
    return segments


def _tree(rng, box):
    # From VascuSynth-like twigs to a contrast angiogram's aorta.
    largest = min(_between(rng, 1.2, 12.0), 0.2 * float(box.min()) + 1)
    return _trees(rng, box, _between(rng, 0.003, 0.12), largest)


def _mesh(rng, box):
    radius = _between(rng, SMALLEST_RADIUS, 3.2)
    # The floor keeps lumens apart: meshes of thick vessels are wide ones.
    spacing = radius * _between(rng, 6.0, 20.0)
    spacing = max(spacing, 9.0, float(np.prod(box)) ** (1 / 3) / 17)
    segments = capillary_mesh(rng, box, spacing, radius, tortuosity=rng.uniform(0.03, 0.3))
    if rng.random() < 0.6:  # the arterioles and venules that feed it
        segments += _shifted(_trees(rng, box, rng.uniform(0.01, 0.08), radius * rng.uniform(2, 4), group=1), segments)
    return segments


def _stack(rng, box):
    # At most 0.44 of the field wide: a stem that fills the view has no edges to learn from.
    limit = min(32.0, 0.22 * float(box[:2].min()))
    segments: list[Segment] = []
    target = rng.uniform(0.05, 0.35)
    for group in range(8):
        radius = min(_between(rng, 3.0, 34.0), limit)
        stem = thick_stems(rng, box, radius, branches=bool(rng.random() < 0.8), group=group)
        segments += _shifted(stem, segments)
        if filled_fraction(segments, box) > target:
            break
    if rng.random() < 0.8:
        fine = _between(rng, SMALLEST_RADIUS, 2.0)
        twigs = _trees(
            rng, box, rng.uniform(0.005, 0.04), fine * rng.uniform(1, 2), flatness=rng.uniform(0.4, 1.3), group=10
        )
        segments += _shifted(twigs, segments)
    if rng.random() < 0.4:
        fine = _between(rng, SMALLEST_RADIUS, 1.8)
        spacing = fine * rng.uniform(9, 20)
        segments += _shifted(capillary_mesh(rng, box, spacing, fine, group=90), segments)
    return segments


def _plexus(rng, box):
    segments: list[Segment] = []
    radius = _between(rng, SMALLEST_RADIUS, 2.5)
    # a bed everywhere would teach that speckle is capillaries: often there are none, or too few to see
    for layer in range(int(rng.choice([0, 0, 1, 1, 2]))):
        spacing = max(radius * _between(rng, 5, 12), 7.0)
        bed = capillary_mesh(
            rng, box, spacing, radius, flat=True, tortuosity=rng.uniform(0.05, 0.25), group=100 + layer
        )
        keep = rng.random(len(bed)) < rng.uniform(0.3, 1.0)  # gaps: capillaries without flow are dark
        segments += _shifted([s for s, kept in zip(bed, keep, strict=True) if kept], segments)
        if rng.random() < 0.5:
            break
    large = _trees(rng, box, rng.uniform(0.02, 0.16), _between(rng, 2.0, 8.0), flatness=rng.uniform(0.02, 0.3), group=0)
    return segments + _shifted(large, segments)


def _mixed(rng, box, without=()):
    parts = [_SCENES[part] for part in MIXED if part not in without] or [_tree]
    segments: list[Segment] = []
    for i in rng.choice(len(parts), size=min(2, len(parts)), replace=False):
        more = parts[i](rng, box)
        shifted = _shifted(more, segments)
        segments += [Segment(s.points, s.radii, s.radius, s.parent, s.group + 1000 * int(i)) for s in shifted]
    return segments


def _tumour(rng, box):
    # Shorter and more tortuous than any tree of the other scenes, and rooted in a knot instead of at the faces.
    segments: list[Segment] = []
    target = rng.uniform(0.06, 0.14)
    for group in range(MOST_ROOTS):
        start = box * (0.5 + 0.12 * rng.normal(size=3)).clip(0.1, 0.9)
        radius = _between(rng, 1.5, 3.5)
        knot = grow_tree(rng, box, start, rng.normal(size=3), radius, tortuosity=0.7, reach=0.6, group=group)
        segments += _shifted(knot, segments)
        if filled_fraction(segments, box) > target:
            break
    return segments


def _hollow(rng, box):
    # Wide enough that a lumen is left between the walls.
    largest = min(rng.uniform(6.0, 9.0), 0.2 * float(box.min()) + 1)
    return _trees(rng, box, rng.uniform(0.1, 0.16), largest, smallest=min(2.5, largest))


def _shifted(more: list[Segment], before: list[Segment]) -> list[Segment]:
    """`more`, its parents renumbered as they will stand after `before`."""
    shift = len(before)
    return [Segment(s.points, s.radii, s.radius, s.parent + shift if s.parent >= 0 else -1, s.group) for s in more]


_SCENES = {
    "tree": _tree,
    "mesh": _mesh,
    "stack": _stack,
    "plexus": _plexus,
    "tumour": _tumour,
    "hollow": _hollow,
}
