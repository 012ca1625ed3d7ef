"""A block of a volume as a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.core import Box, box_text
from scripts.io import Volume, file_family, write_volume

WRITTEN_AS_THEY_ARE = ("u1", "u2", "f4")  # of all other types float32 holds what a scaling to [0, 1] can tell apart


def write_block(volume: Volume, box: Box, path: str | Path, intensity_range: Sequence[float] | None = None) -> Path:
    """Write a block of a volume to a file that knows where it lay and how its volume is scaled.

    Its affine is that of the volume moved to the block's first voxel, unless it is a TIFF, which states no places, and
    its provenance names volume and box. What segments it scales it by the stated range, and so as within the volume.

    Args:
        volume: is read in this box alone.
        box: inside the volume, `(x0, x1), (y0, y1), (z0, z1)`.
        path: the file, as of `scripts.io.write_volume`.
        intensity_range: the intensities of the volume that become 0 and 1 (`scripts.transforms.scaling_of`).

    Raises:
        UserError: for voxels that cannot be read, and a file that cannot be written.
        IndexError: for a box that reaches outside the volume.
    """
    voxels = volume.read(box)  # (x, y, z)
    if voxels.dtype.str[1:] not in WRITTEN_AS_THEY_ARE:
        voxels = voxels.astype(np.float32)
    provenance = {"volume": volume.info.path.name, "box": box_text(box)}
    affine = None if file_family(path) == "tiff" else affine_of_block(volume.info.affine, box)
    return write_volume(
        path, voxels, like=volume.info, affine=affine, provenance=provenance, intensity_range=intensity_range
    )


def affine_of_block(affine: np.ndarray, box: Box) -> np.ndarray:
    """Return the 4x4 affine of a block of the volume that has an affine."""
    moved = np.array(affine, dtype=np.float64)
    moved[:3, 3] += moved[:3, :3] @ [start for start, _ in box]
    return moved
