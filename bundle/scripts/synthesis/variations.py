"""What nature adds to drawn vessels: widenings, and vessels that run side by side or touch."""

from dataclasses import replace

import numpy as np

from .segments import SMALLEST_RADIUS, Segment

MOST_COMPANIONS = 6


def with_widenings(rng: np.random.Generator, segments: list[Segment], share: float) -> list[Segment]:
    """Let this share of the segments swell once along their way, as an aneurysm does, 1.4 to 2.5 times as wide."""
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
    """Let a second vessel run along some of the segments, touching or a few voxels off: an artery and its vein.

    Args:
        rng: source of every draw.
        segments: at most `MOST_COMPANIONS` of them, and this share, get one; it has a root and a group of its own.
        share: between 0 and 1.
    """
    chosen = [s for s in segments if len(s.points) > 4 and rng.random() < share][:MOST_COMPANIONS]
    group = max((s.group for s in segments), default=0) + 1
    companions = []
    for number, segment in enumerate(chosen):
        radius = max(segment.radius * rng.uniform(0.5, 1.2), SMALLEST_RADIUS)
        tangent = segment.heading
        side = rng.normal(size=3)
        side -= tangent * (side @ tangent)
        side /= np.linalg.norm(side) + 1e-9
        # from touching to two voxels and more apart, and drifting off towards one end
        gap = segment.radius + radius + rng.uniform(-0.5, 4.0)
        drift = np.linspace(0, rng.uniform(0, 1.0) * radius, len(segment.points))
        points = segment.points + side * (gap + drift)[:, None]
        radii = np.maximum(segment.radii * (radius / segment.radius), SMALLEST_RADIUS)
        companions.append(Segment(points, radii, radius, -1, group + number))
    return segments + companions
