"""Variations of drawn vessels: some widen along their way, some run in pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .segments import MIN_RADIUS, Segment

MAX_COMPANIONS = 6


def with_widenings(rng: np.random.Generator, segments: list[Segment], share: float) -> list[Segment]:
    """Widen some of the segments once along their way, 1.4 to 2.5 times, as an aneurysm does.

    Args:
        rng: random generator for every draw.
        segments: in in-plane voxels.
        share: chance of each segment to be widened, between 0 and 1.

    Returns:
        As many segments, in the same order.
    """
    widened = []
    for segment in segments:
        if rng.random() < share:
            along = np.linspace(0, 1, len(segment.radii))
            length = float(np.linalg.norm(np.diff(segment.points, axis=0), axis=1).sum())
            width = float(np.clip(rng.uniform(0.8, 2.0) * segment.radius / max(length, 1e-6), 0.02, 0.3))
            bump = np.exp(-0.5 * ((along - rng.uniform(0.2, 0.8)) / width) ** 2)
            segment = replace(segment, radii=segment.radii * (1 + rng.uniform(0.4, 1.5) * bump))
        widened.append(segment)
    return widened


def with_companions(rng: np.random.Generator, segments: list[Segment], share: float) -> list[Segment]:
    """Let a second vessel run beside some of the segments, as a vein does beside its artery.

    The two touch or are a few voxels apart.

    Args:
        rng: random generator for every draw.
        segments: in in-plane voxels; at most `MAX_COMPANIONS` of them get a companion.
        share: chance of each segment to get one, between 0 and 1.

    Returns:
        The segments, then the companions, each a root in a group of its own.
    """
    chosen = [s for s in segments if len(s.points) > 4 and rng.random() < share][:MAX_COMPANIONS]
    group = max((s.group for s in segments), default=0) + 1
    companions = []
    for number, segment in enumerate(chosen):
        radius = max(segment.radius * rng.uniform(0.5, 1.2), MIN_RADIUS)
        tangent = segment.heading
        side = rng.normal(size=3)
        side -= tangent * (side @ tangent)
        side /= np.linalg.norm(side) + 1e-9
        # from an overlap of half a voxel to a gap of four, and drifting apart towards one end
        distance = segment.radius + radius + rng.uniform(-0.5, 4.0)
        drift = np.linspace(0, rng.uniform(0, 1.0) * radius, len(segment.points))
        points = segment.points + side * (distance + drift)[:, None]
        radii = np.maximum(segment.radii * (radius / segment.radius), MIN_RADIUS)
        companions.append(Segment(points, radii, radius, -1, group + number))
    return segments + companions
