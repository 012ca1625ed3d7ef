"""The surface of a mask: the middles of voxel faces between vessel and background."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .mask import Mask, Points, VesselMask

COARSE = 1.5  # times the finest side, from which an axis is too coarse for its faces to tell where a vessel ends


def surface_points(mask: VesselMask, coarse: bool = False) -> Points:
    """Return the middles of the faces between vessel and background.

    A vessel's surface lies up to half a voxel in front of or behind such a face, and over many faces this evens out.
    Faces across a coarse axis are left out, for they lie farther off: a vessel between two slices 5 µm apart may end
    anywhere between them. Where the volume ends, nothing is known of the surface, and there is none.

    Args:
        mask: read block by block.
        coarse: whether faces across a coarse axis are wanted too.

    Returns:
        `(N, 3)`, in the unit of the voxel size, from the middle of the first voxel.
    """
    axes = [0, 1, 2] if coarse else fine_axes(mask.voxel_size)
    found = [np.empty((0, 3))]
    for box in mask.blocks():
        beyond = tuple((start, min(stop + 1, size)) for (start, stop), size in zip(box, mask.shape, strict=True))
        voxels = mask.read(beyond)
        for axis in axes:  # the last layer, which the next block begins with, is only looked at across its faces
            own = [slice(0, stop - start) for start, stop in box]
            own[axis] = slice(None)
            found.append(faces(voxels[tuple(own)], axis) + [start for start, _ in box])
    points: Points = np.concatenate(found) * np.asarray(mask.voxel_size)
    return points


def faces(voxels: Mask, axis: int) -> Points:
    """Return the middles of the faces of vessels across an axis, in voxels, `(N, 3)`."""
    across = np.moveaxis(voxels, axis, 0)
    at = np.argwhere(across[1:] != across[:-1]).astype(np.float64)  # (N, 3)
    at[:, 0] += 0.5
    points: Points = np.empty_like(at)
    points[:, [axis, *(each for each in range(3) if each != axis)]] = at
    return points


def fine_axes(voxel_size: Sequence[float]) -> list[int]:
    """Return the axes along which voxels are not clearly longer than along the finest.

    Where that is one axis alone, across which a vessel has no walls but its ends, all three are returned.
    """
    fine = [axis for axis, side in enumerate(voxel_size) if side < COARSE * min(voxel_size)]
    return fine if len(fine) > 1 else [0, 1, 2]
