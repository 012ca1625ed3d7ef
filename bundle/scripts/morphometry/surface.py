"""The surface of a mask: the middles of voxel faces between vessel and background."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]

COARSE = 1.5  # times the finest side, from which an axis is too coarse for its faces to tell where a vessel ends


def surface_points(mask: Mask, voxel_size: Sequence[float], coarse: bool = False) -> Points:
    """Return the middles of the faces between vessel and background.

    A vessel's surface lies up to half a voxel in front of or behind such a face, and over many faces this evens out.
    Faces across a coarse axis are left out, for they lie farther off: a vessel between two slices 5 µm apart may end
    anywhere between them. Where the volume ends, nothing is known of the surface, and there is none.

    Args:
        mask: `(X, Y, Z)` bool.
        voxel_size: along X, Y, Z.
        coarse: whether faces across a coarse axis are wanted too.

    Returns:
        `(N, 3)`, in the unit of `voxel_size`, from the middle of the first voxel.
    """
    found = []
    for axis in range(3) if coarse else fine_axes(voxel_size):
        across = np.moveaxis(mask, axis, 0)
        at = np.argwhere(across[1:] != across[:-1]).astype(np.float64)  # (n, 3)
        at[:, 0] += 0.5
        others = [each for each in range(3) if each != axis]
        points = np.empty_like(at)
        points[:, [axis, *others]] = at
        found.append(points)
    return np.concatenate(found) * np.asarray(voxel_size, dtype=np.float64)


def fine_axes(voxel_size: Sequence[float]) -> list[int]:
    """Return the axes along which voxels are not clearly longer than along the finest."""
    finest = min(voxel_size)
    return [axis for axis, side in enumerate(voxel_size) if side < COARSE * finest]
