"""The volume that every file holds before it is spoilt: 60 voxels of 60 different values."""

import numpy as np

SHAPE = (5, 4, 3)  # X, Y, Z


def voxels(dtype=np.uint8):
    """Return (X, Y, Z) that holds 1 to 60 in no order."""
    return np.random.default_rng(0).permutation(np.arange(1, 61)).reshape(SHAPE).astype(dtype)


def stored(dtype=np.uint8):
    """Return them as TIFF stores them, (Z, Y, X)."""
    return np.ascontiguousarray(voxels(dtype).transpose(2, 1, 0))


def channels(dtype=np.uint8):
    """Return (C, X, Y, Z), of which channel 1 holds `voxels`."""
    return np.stack([61 - voxels(dtype), voxels(dtype)])
