"""Vessel segments: a centre line and the radius along it, from one branching to the next.

Lengths are in in-plane voxels. A voxel is `anisotropy` such lengths deep, so that the point (x, y, z) lies in slice
z / anisotropy. Centre lines are sampled so densely that the balls around the samples together are the vessel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

MIN_RADIUS = 0.8
"""Below this radius a line of voxels breaks up: a voxel centre is at most √½ ≈ 0.71 from a line."""


@dataclass(frozen=True)
class Segment:
    """A piece of vessel between two branch points.

    Attributes:
        points: (N, 3) samples of the centre line, in in-plane voxels.
        radii: (N,) radius at each sample, in in-plane voxels: the nominal radius with slight variation.
        radius: nominal radius, which follows Murray's law.
        parent: index, in the same list, of the segment that it branched from; -1 for a root or an edge of a mesh.
        group: index of the tree or mesh that it belongs to; segments of one group are about equally bright.
    """

    points: np.ndarray
    radii: np.ndarray
    radius: float
    parent: int = -1
    group: int = 0

    @property
    def end(self) -> np.ndarray:
        """The point where the segment ends, (3,)."""
        return self.points[-1]

    @property
    def heading(self) -> np.ndarray:
        """The direction in which the segment ends, a unit vector (3,)."""
        step = self.points[-1] - self.points[-2]
        return step / np.linalg.norm(step)


def centre_line(
    rng: np.random.Generator,
    start: np.ndarray,
    direction: np.ndarray,
    length: float,
    step: float,
    tortuosity: float,
    z_factor: float = 1.0,
) -> np.ndarray:
    """Draw a smooth curve that starts in a direction and wanders off it.

    The tangent is the direction plus a smoothed random walk.

    Args:
        rng: random generator for every draw.
        start: (3,) first point.
        direction: (3,) unit vector.
        length: length of the curve, in in-plane voxels.
        step: largest distance between two samples, in in-plane voxels.
        tortuosity: factor on the random walk; 0 gives a straight line.
        z_factor: factor on the tangent's Z component; 0 keeps the curve in the X-Y plane.

    Returns:
        (N, 3) points.
    """
    count = max(3, int(np.ceil(length / step)) + 1)
    # The walk has a knot about every 10 lengths and is interpolated, so that bends are gradual at any sampling.
    knots = max(3, int(length / 10) + 2)
    walk = np.cumsum(rng.normal(size=(knots, 3)), axis=0)  # (knots, 3)
    at = np.linspace(0, knots - 1, count)
    low = np.minimum(at.astype(int), knots - 2)
    part = (at - low)[:, None]
    part = part * part * (3 - 2 * part)
    bend = walk[low] * (1 - part) + walk[low + 1] * part - walk[0]  # (N, 3)
    bend *= tortuosity
    # It stays shorter than the direction: where the two cancelled, the curve would turn on the spot.
    bend *= 0.85 / np.sqrt(0.85**2 + np.sum(bend**2, axis=1, keepdims=True))
    tangent = np.asarray(direction) + bend
    tangent[:, 2] *= z_factor
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    points = np.empty((count, 3))
    points[0] = start
    points[1:] = start + np.cumsum(tangent[1:] * (length / (count - 1)), axis=0)
    return points


def sample_step(radius: float) -> float:
    """Return how far apart samples may be for the surface to sag by less than 0.1 voxels."""
    return float(min(np.sqrt(0.8 * radius), 0.8 * radius))


def modulated_radii(rng: np.random.Generator, radius: float, count: int, amount: float) -> np.ndarray:
    """Draw radii that swell and narrow slowly along a segment, and are nominal at both ends.

    Args:
        rng: random generator for every draw.
        radius: nominal radius, in in-plane voxels.
        count: number of samples.
        amount: standard deviation of the slowest of three waves in the logarithm of the radius.

    Returns:
        (count,) radii, none below `MIN_RADIUS`.
    """
    t = np.linspace(0, np.pi, count)
    wave = rng.normal() * np.sin(t) + 0.6 * rng.normal() * np.sin(2 * t) + 0.4 * rng.normal() * np.sin(3 * t)
    return np.maximum(radius * np.exp(amount * wave), MIN_RADIUS)


def renumbered(segments: Sequence[Segment], shift: int, root_parent: int = -1) -> list[Segment]:
    """Return segments with their parents renumbered, to append them to `shift` others.

    Args:
        segments: with parents counted from the first of them.
        shift: number of segments that they are appended to.
        root_parent: parent that roots get.
    """
    return [replace(s, parent=s.parent + shift if s.parent >= 0 else root_parent) for s in segments]


def volume_fraction(segments: Sequence[Segment], box: np.ndarray) -> float:
    """Estimate which share of a box the segments fill.

    Overlaps count twice: that is cheap, and good enough to know when to stop drawing.

    Args:
        segments: in in-plane voxels; parts outside the box do not count.
        box: (3,) extent of the volume, in in-plane voxels.
    """
    volume = 0.0
    for s in segments:
        inside = np.all((s.points >= 0) & (s.points <= box), axis=1)
        step = np.linalg.norm(np.diff(s.points, axis=0), axis=1).mean()
        volume += float(np.pi * step * (s.radii[inside] ** 2).sum())
    return volume / float(np.prod(box))
