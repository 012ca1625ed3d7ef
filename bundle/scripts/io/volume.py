"""`VolumeInfo`: what is known of a volume before, and besides, its voxels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import voxel_size

SOURCE_KEY = "volume_source"
UNIT_KEY = "unit"
RANGE_KEY = "intensity_range"


@dataclass(frozen=True, eq=False)
class VolumeInfo:
    """The header of one volume.

    Attributes:
        path: the file.
        kind: `imagej`, `ome`, `tiff`, `nifti` or `npy`, by content and not by name.
        shape: voxels along X, Y, Z, after the choice of a channel.
        dtype: of the voxels as they will be read (after a NIfTI slope), in native byte order.
        affine: 4x4 float64, voxel to millimetre; to voxel (the identity, as a rule) where `unit` is `""`.
        unit: the file's own unit (`µm`, `mm`, `nm`, `cm`, `m`, `inch`, `Å`), or `""` where it states no voxel size.
        axes: the stored axes, one letter each, in stored order.
        stored_shape: their lengths.
        channel: the index that was chosen, or None.
        intensity_range: lowest and highest intensity of the volume that this one was cut from, or None.
        provenance: what the writer of the file said about its making, or `{}`.
        source: what a writer needs to make the same kind of file, fit for JSON; at least its `kind`.
    """

    path: Path
    kind: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    affine: np.ndarray
    unit: str
    axes: str
    stored_shape: tuple[int, ...]
    channel: int | None = None
    intensity_range: tuple[float, float] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size along X, Y, Z in millimetres (in voxels where `unit` is `""`)."""
        return tuple(voxel_size(self.affine).tolist())

    @property
    def nbytes(self) -> int:
        """Bytes of the voxels once read."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def meta(self) -> dict[str, Any]:
        """MONAI's metadata: a flat dictionary of strings, numbers and arrays, which any collate and decollate keeps.

        What only the writer needs is one JSON string, so that no transform, nor a batch of two kinds of file, can
        turn it into something else.
        """
        meta: dict[str, Any] = {
            "affine": self.affine.copy(),
            "original_affine": self.affine.copy(),
            "spatial_shape": np.asarray(self.shape),
            "space": "RAS",
            "original_channel_dim": float("nan"),  # MONAI's spelling of "there is none"
            "file_kind": self.kind,
            UNIT_KEY: self.unit,
            SOURCE_KEY: json.dumps(self.source),
        }
        if self.intensity_range is not None:
            meta[RANGE_KEY] = np.asarray(self.intensity_range, dtype=np.float64)
        return meta


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where an array to be written lies, and which file it should resemble.

    Attributes:
        affine: 4x4 float64 in millimetres (in voxels where `unit` is `""`).
        unit: the unit to state it in.
        source: `VolumeInfo.source` of the file to resemble, or `{}`.
        unmoved: the affine (for TIFF, which holds no more of it, the voxel size) is that of the source, whose own
            numbers are then written back digit for digit.
    """

    affine: np.ndarray
    unit: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    unmoved: bool = False

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size along X, Y, Z in millimetres."""
        return tuple(voxel_size(self.affine).tolist())
