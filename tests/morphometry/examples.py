"""Tubes whose lengths, radii and branches are known, drawn as balls along lines."""

import numpy as np

CUBES, SLICES = (1.0, 1.0, 1.0), (1.0, 1.0, 5.0)  # voxels as long along all axes, and a thin stack


def tube(points, radius, shape, voxel_size=CUBES):
    """What lies within a radius of a line through points, in the unit of the voxel size."""
    places = np.stack(
        np.meshgrid(*(np.arange(n) * s for n, s in zip(shape, voxel_size, strict=True)), indexing="ij"), -1
    )
    nearest = np.full(shape, np.inf)
    for start, stop in zip(np.asarray(points[:-1], float), np.asarray(points[1:], float), strict=True):
        along = stop - start
        share = np.clip(((places - start) @ along) / (along @ along), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(places - (start + share[..., None] * along), axis=-1))
    return nearest <= radius


def shape_of(side, voxel_size):
    return tuple(int(np.ceil(side / each)) for each in voxel_size)


def arc(radius, angles, middle):
    return np.stack((radius * np.cos(angles), radius * np.sin(angles), 0 * angles), axis=1) + middle


def y(radius, voxel_size=CUBES, arm=30.0, side=80.0):
    middle = np.full(3, side / 2)
    ends = np.array([(1, 0, 0), (-0.6, 0.8, 0), (-0.6, -0.8, 0)]) * arm + middle
    arms = [tube([middle, end], radius, shape_of(side, voxel_size), voxel_size) for end in ends]
    return np.logical_or.reduce(arms)
