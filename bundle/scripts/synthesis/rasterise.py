"""From curves with radii to voxels: balls stamped along the centre-lines."""

from collections.abc import Sequence

import numpy as np

from .segments import Segment

OUTSIDE = -1.0
"""Depth recorded wherever no vessel surface is within one in-plane voxel."""

STAMPED_AT_ONCE = 1_500_000


def rasterise(
    segments: Sequence[Segment], shape: Sequence[int], anisotropy: float, tones: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Voxelise vessels.

    Args:
        segments: what to draw; parts outside the volume are ignored.
        shape: voxels along X, Y, Z.
        anisotropy: depth of a voxel over its width; radii along Z are divided by it.
        tones: (len(segments),) brightness of each.

    Returns:
        depth: float32 (X, Y, Z), how far the voxel centre lies inside the nearest surface, in in-plane voxels; at least
            -1. `depth >= 0` is the vessel, `clip(depth + 0.5, 0, 1)` the share of the voxel it covers.
        tone: float32 (X, Y, Z), brightness of the vessel there, blended where vessels meet; 0 where depth is -1.
    """
    points = np.concatenate([s.points for s in segments]) if segments else np.zeros((0, 3))
    radii = np.concatenate([s.radii for s in segments]) if segments else np.zeros(0)
    values = np.repeat(tones, [len(s.points) for s in segments]) if segments else np.zeros(0)
    return stamp_balls(points / (1.0, 1.0, anisotropy), radii, values, shape, anisotropy)


def stamp_balls(
    centres: np.ndarray, radii: np.ndarray, values: np.ndarray, shape: Sequence[int], anisotropy: float
) -> tuple[np.ndarray, np.ndarray]:
    """`rasterise` for loose balls: centres (N, 3) in voxel indices, radii (N,) and values (N,)."""
    shape = tuple(shape)
    depth = np.full(shape, OUTSIDE, np.float32)
    total = np.zeros(shape, np.float32)
    weight = np.zeros(shape, np.float32)
    # A ball thinner than a slice would fall between two slices: it is kept at least one slice thick.
    through = np.maximum(radii / anisotropy, 0.6)
    reach_xy = np.ceil(radii + 1.5).astype(int)
    reach_z = np.ceil(through * (radii + 1) / radii + 0.5).astype(int)
    reach = np.stack([reach_xy, reach_xy, reach_z], axis=1)
    seen = np.all((centres > -reach) & (centres < np.array(shape) - 1 + reach), axis=1)

    for box in np.unique(reach[seen], axis=0):
        group = np.flatnonzero(seen & np.all(reach == box, axis=1))
        offsets = [np.arange(-n, n + 1) for n in box]
        chunk = max(1, STAMPED_AT_ONCE // int(np.prod(2 * box + 1)))
        for first in range(0, len(group), chunk):
            part = group[first : first + chunk]
            _stamp(depth, total, weight, centres[part], radii[part], through[part], values[part], offsets)
    tone = np.divide(total, weight, out=total, where=weight > 0)
    return depth, tone


def _stamp(depth, total, weight, centres, radii, through, values, offsets):
    """Stamp balls that share one box of voxel offsets, all at once."""
    base = np.rint(centres).astype(np.int64)
    index = [base[:, d, None] + offsets[d] for d in range(3)]  # (N, box_d)
    square = [(index[d] - centres[:, d, None]).astype(np.float32) ** 2 for d in range(3)]
    square[2] *= ((radii / through) ** 2)[:, None].astype(np.float32)
    for d in range(3):  # voxels outside the volume are pushed out of the ball
        square[d][(index[d] < 0) | (index[d] >= depth.shape[d])] = 1e12
    ny, nz = depth.shape[1:]
    flat = (index[0][:, :, None, None] * ny + index[1][:, None, :, None]) * nz + index[2][:, None, None, :]
    inside = square[0][:, :, None, None] + square[1][:, None, :, None] + square[2][:, None, None, :]
    radii = radii.astype(np.float32)
    near = np.flatnonzero((inside < ((radii + 1) ** 2)[:, None, None, None]).ravel())
    ball = near // (inside[0].size)
    at = flat.ravel()[near]
    value = radii[ball] - np.sqrt(inside.ravel()[near])
    np.maximum.at(depth.reshape(-1), at, value)
    share = np.clip(value + 1, 1e-3, 1)
    np.add.at(weight.reshape(-1), at, share)
    np.add.at(total.reshape(-1), at, share * values.astype(np.float32)[ball])
