"""From vessels to voxels: balls are stamped along the centre lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .random_fields import log_uniform
from .segments import Segment

OUTSIDE = -1.0
"""Depth that is recorded wherever no vessel surface is within one in-plane voxel."""

MAX_STAMPED = 1_500_000  # voxels that are worked on at once, so that memory stays bounded


def is_thin(shape: Sequence[int]) -> bool:
    """Tell whether a volume (X, Y, Z) is a thin stack, whose voxels are coarser along Z."""
    return shape[2] <= 32 and shape[2] < 0.5 * min(shape[:2])


def voxel_anisotropy(rng: np.random.Generator, shape: Sequence[int], style: str) -> float:
    """Draw the anisotropy of a volume: how deep its voxels are, divided by how wide.

    It is above 1 for coarse slices, and below 1 where vessels cast tails along Z.

    Args:
        rng: random generator for every draw.
        shape: voxels along X, Y, Z.
        style: what grows, one of `STYLES`.
    """
    if is_thin(shape):
        return float(rng.uniform(2.0, 5.0))
    if style == "stack":
        return float(rng.uniform(1.5, 5.0))
    if style == "plexus":  # in OCT angiography a vessel casts a tail, so that it looks like a curtain below itself
        return log_uniform(rng, 0.06, 0.9)
    return float(rng.choice([1.0, 1.0, rng.uniform(1.0, 5.0)]))


def rasterise(
    segments: Sequence[Segment], shape: Sequence[int], anisotropy: float, brightness: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Turn vessels into voxels.

    Args:
        segments: the vessels, in in-plane voxels; parts outside the volume are ignored.
        shape: voxels along X, Y, Z.
        anisotropy: voxel size along Z divided by voxel size in plane; radii along Z are divided by it.
        brightness: (len(segments),) brightness of each vessel.

    Returns:
        depth: float32 (X, Y, Z), how far the voxel centre lies inside the nearest surface, in in-plane voxels; at least
            -1. `depth >= 0` is the vessel, `clip(depth + 0.5, 0, 1)` about the share of the voxel that it fills.
        brightness: float32 (X, Y, Z), of the vessel there, blended where vessels meet; 0 where depth is -1.
    """
    points = np.concatenate([s.points for s in segments]) if segments else np.zeros((0, 3))
    radii = np.concatenate([s.radii for s in segments]) if segments else np.zeros(0)
    values = np.repeat(brightness, [len(s.points) for s in segments]) if segments else np.zeros(0)
    return stamp_balls(points / (1.0, 1.0, anisotropy), radii, values, shape, anisotropy)


def stamp_balls(
    centres: np.ndarray, radii: np.ndarray, values: np.ndarray, shape: Sequence[int], anisotropy: float
) -> tuple[np.ndarray, np.ndarray]:
    """Turn balls into voxels.

    Args:
        centres: (N, 3) in voxel indices.
        radii: (N,) in in-plane voxels.
        values: (N,) brightness of each.
        shape: voxels along X, Y, Z.
        anisotropy: voxel size along Z divided by voxel size in plane.

    Returns:
        Depth and brightness, as `rasterise` returns them.
    """
    shape = tuple(shape)
    depth = np.full(shape, OUTSIDE, np.float32)  # (X, Y, Z)
    total = np.zeros(shape, np.float32)
    weight = np.zeros(shape, np.float32)
    # A ball thinner than a slice would fall between two slices: it is kept at least one slice thick.
    half_depths = np.maximum(radii / anisotropy, 0.6)  # along Z, in slices
    reach_xy = np.ceil(radii + 1.5).astype(int)
    reach_z = np.ceil(half_depths * (radii + 1) / radii + 0.5).astype(int)
    reach = np.stack([reach_xy, reach_xy, reach_z], axis=1)  # (N, 3)
    seen = np.all((centres > -reach) & (centres < np.array(shape) - 1 + reach), axis=1)

    for box in np.unique(reach[seen], axis=0):
        alike = np.flatnonzero(seen & np.all(reach == box, axis=1))
        offsets = [np.arange(-n, n + 1) for n in box]
        chunk = max(1, MAX_STAMPED // int(np.prod(2 * box + 1)))
        for first in range(0, len(alike), chunk):
            part = alike[first : first + chunk]
            _stamp(depth, total, weight, centres[part], radii[part], half_depths[part], values[part], offsets)
    brightness = np.divide(total, weight, out=total, where=weight > 0)
    return depth, brightness


def _stamp(
    depth: np.ndarray,
    total: np.ndarray,
    weight: np.ndarray,
    centres: np.ndarray,
    radii: np.ndarray,
    half_depths: np.ndarray,
    values: np.ndarray,
    offsets: Sequence[np.ndarray],
) -> None:
    """Stamp balls that reach equally far, all at once, into the three volumes (X, Y, Z).

    `depth` keeps the deepest ball of each voxel; `total` over `weight` is the blended brightness.
    """
    base = np.rint(centres).astype(np.int64)
    index = [base[:, d, None] + offsets[d] for d in range(3)]  # (N, box_d)
    square = [(index[d] - centres[:, d, None]).astype(np.float32) ** 2 for d in range(3)]
    square[2] *= ((radii / half_depths) ** 2)[:, None].astype(np.float32)
    for d in range(3):  # voxels outside the volume are pushed out of the ball
        square[d][(index[d] < 0) | (index[d] >= depth.shape[d])] = 1e12
    ny, nz = depth.shape[1:]
    # (N, box_x, box_y, box_z)
    flat = (index[0][:, :, None, None] * ny + index[1][:, None, :, None]) * nz + index[2][:, None, None, :]
    inside = square[0][:, :, None, None] + square[1][:, None, :, None] + square[2][:, None, None, :]
    radii = radii.astype(np.float32)
    near = np.flatnonzero((inside < ((radii + 1) ** 2)[:, None, None, None]).ravel())  # (M,)
    ball = near // (inside[0].size)
    at = flat.ravel()[near]
    value = radii[ball] - np.sqrt(inside.ravel()[near])
    np.maximum.at(depth.reshape(-1), at, value)
    share = np.clip(value + 1, 1e-3, 1)
    np.add.at(weight.reshape(-1), at, share)
    np.add.at(total.reshape(-1), at, share * values.astype(np.float32)[ball])
