"""Vessels as curves with radii, the ground that trees, meshes and stems stand on.

Lengths are in in-plane voxels; a voxel is `anisotropy` such lengths deep, so a point (x, y, z) lies in slice
z / anisotropy. Centre-lines are sampled densely enough that the union of the balls around the samples is the vessel.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SMALLEST_RADIUS = 0.8
"""Below this a line of voxels breaks up: a voxel centre is at most √½ ≈ 0.71 from a line."""


@dataclass(frozen=True)
class Segment:
    """A vessel between two branchings.

    Attributes:
        points: (N, 3) samples of the centre-line.
        radii: (N,) radius at each sample: the nominal one, gently modulated.
        radius: the nominal radius, the one that obeys Murray's law.
        parent: index of the segment it branched from, in the same list; -1 for a root or a mesh edge.
        group: segments of one tree or one mesh share it, and so share brightness.
    """

    points: np.ndarray
    radii: np.ndarray
    radius: float
    parent: int = -1
    group: int = 0

    @property
    def end(self) -> np.ndarray:
        """Where the segment ends, (3,)."""
        return self.points[-1]

    @property
    def heading(self) -> np.ndarray:
        """Unit direction in which it ends, (3,)."""
        step = self.points[-1] - self.points[-2]
        return step / np.linalg.norm(step)


def centre_line(rng, start, direction, length, step, tortuosity, flatness=1.0):
    """(N, 3) smooth wandering curve: the tangent follows an integrated, smoothed random walk."""
    count = max(3, int(np.ceil(length / step)) + 1)
    # Noise on knots ~10 lengths apart, interpolated: bends are gradual however fine the sampling is.
    knots = max(3, int(length / 10) + 2)
    walk = np.cumsum(rng.normal(size=(knots, 3)), axis=0)
    at = np.linspace(0, knots - 1, count)
    low = np.minimum(at.astype(int), knots - 2)
    part = (at - low)[:, None]
    part = part * part * (3 - 2 * part)
    bend = walk[low] * (1 - part) + walk[low + 1] * part - walk[0]
    bend *= tortuosity
    # Never as long as the direction itself: where the two cancelled, the curve would turn on the spot.
    bend *= 0.85 / np.sqrt(0.85**2 + np.sum(bend**2, axis=1, keepdims=True))
    tangent = np.asarray(direction) + bend
    tangent[:, 2] *= flatness
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    points = np.empty((count, 3))
    points[0] = start
    points[1:] = start + np.cumsum(tangent[1:] * (length / (count - 1)), axis=0)
    return points


def sample_step(radius: float) -> float:
    """Distance of samples along the centre-line such that the balls' union sags by less than 0.1 voxels."""
    return float(min(np.sqrt(0.8 * radius), 0.8 * radius))


def modulated(rng, radius, count, amount):
    """(N,) radii: slow swelling and narrowing around `radius`, equal to it at both ends."""
    t = np.linspace(0, np.pi, count)
    wave = rng.normal() * np.sin(t) + 0.6 * rng.normal() * np.sin(2 * t) + 0.4 * rng.normal() * np.sin(3 * t)
    return np.maximum(radius * np.exp(amount * wave), SMALLEST_RADIUS)


def filled_fraction(segments: Sequence[Segment], box: np.ndarray) -> float:
    """Share of the box that the segments fill, overlaps counted twice: cheap, and enough to know when to stop."""
    volume = 0.0
    for s in segments:
        inside = np.all((s.points >= 0) & (s.points <= box), axis=1)
        step = np.linalg.norm(np.diff(s.points, axis=0), axis=1).mean()
        volume += float(np.pi * step * (s.radii[inside] ** 2).sum())
    return volume / float(np.prod(box))
