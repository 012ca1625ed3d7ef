"""Whether two files put the same voxels in the same place, as far as both say where that is.

A NIfTI affine states where voxels lie and how their axes run, whether the file names a unit or not; TIFF states at most
a voxel size, and `.npy` nothing. Only what both files state can differ.
"""

from __future__ import annotations

import nibabel as nib
import numpy as np

from scripts.core import by, voxel_size

from .units import millimetres
from .volume import VolumeInfo

SAME_VOXEL = 1e-3  # of a voxel: programs round voxel sizes and directions
SAME_POSITION = 0.5  # voxels


def difference(label: VolumeInfo, image: VolumeInfo) -> str:
    """Return how a label contradicts its image about where voxels lie; `""` if it does not.

    Args:
        label: its header; also that of a segmentation.
        image: the header of its image, of the same shape.
    """
    placed = label.has_place and image.has_place
    if not placed and not (label.unit and image.unit):
        return ""
    for factor in _factors(label, image):
        here, there = label.affine.copy(), image.affine
        here[:3] *= factor
        sizes = voxel_size(here), voxel_size(there)
        if np.allclose(*sizes, rtol=SAME_VOXEL, atol=0):
            return _moved(here, there) if placed else ""
    return f"its voxels are {_text(sizes[0], label.unit)}, those of its image {_text(sizes[1], image.unit)}"


def _factors(label: VolumeInfo, image: VolumeInfo) -> list[float]:
    """Return what the lengths of a label may have to be multiplied by.

    nibabel drops the unit: a label saved with the affine of an image in µm names none, and states the same numbers.
    """
    in_its_unit = millimetres(image.unit) / millimetres(label.unit)
    return [in_its_unit, 1.0] if label.assumed_unit or image.assumed_unit else [1.0]


def _moved(here: np.ndarray, there: np.ndarray) -> str:
    """Return how an affine differs from another of the same voxel size; `""` if not at all."""
    off = np.linalg.solve(there[:3, :3], here[:3] - there[:3])  # (3, 4), in voxels
    if np.abs(off[:, :3]).max() >= SAME_VOXEL:
        directions = ["".join(nib.aff2axcodes(affine)) for affine in (here, there)]
        if directions[0] != directions[1]:
            return f"its axes run {directions[0]}, those of its image {directions[1]}"
        return "it is turned or sheared against its image"
    if np.abs(off[:, 3]).max() >= SAME_POSITION:
        return f"it lies {', '.join(f'{voxels:.4g}' for voxels in off[:, 3])} voxels away along X, Y, Z"
    return ""


def _text(sizes: np.ndarray, unit: str) -> str:
    return by((f"{size:.5g}" for size in sizes), " × ") + (" mm" if unit else "")
