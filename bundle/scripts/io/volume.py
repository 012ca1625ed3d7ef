"""What is known of a volume besides its voxels: `VolumeInfo` to read, `Geometry` to write."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import Box, box_text, by, refuse, state_of, voxel_size

from .units import in_unit

logger = logging.getLogger(__name__)

SOURCE_KEY = "volume_source"
UNIT_KEY = "unit"
SLAB = 2**26  # bytes of voxels that are asked for at once
RANGE_KEY = "intensity_range"
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From DICOM's and ITK's directions, to the patient's left, back and head, to those of NIfTI and MONAI."""


@dataclass(frozen=True, eq=False)
class VolumeInfo:
    """The header of one volume.

    Attributes:
        path: the file.
        kind: `imagej`, `ome`, `tiff`, `nifti` or `npy` (`formats.py` explains the word).
        shape: voxels along X, Y, Z, after the choice of a channel.
        dtype: of the voxels as they are read (after a NIfTI slope), in native byte order.
        affine: 4x4 float64, from voxels to millimetres; the identity as a rule where `unit` is `""`.
        unit: the file's own unit (`µm`, `mm`, `nm`, `cm`, `m`, `inch`, `Å`), or `""` where it states no voxel size.
        axes: the stored axes, one letter each, in stored order.
        stored_shape: their lengths.
        channel: the index that was chosen, or None.
        intensity_range: lowest and highest intensity of the volume that this one was cut from, or None.
        provenance: what the file says about how it was made, or `{}`.
        source: what a writer needs to make the same kind of file, fit for JSON; its `kind` at least.
        has_place: whether the file states where its voxels lie and how their axes run, as the sform and qform of NIfTI
            do, and so more than their size. It may although `unit` is `""`.
        levels: how many resolutions the file holds.
        assumed_unit: whether `unit` is a convention, because the file states lengths without naming a unit.
        parts: the other files that hold some of its voxels, as those of an OME-TIFF of several files.
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
    has_place: bool = False
    assumed_unit: bool = False
    levels: int = 1
    parts: tuple[Path, ...] = ()

    @property
    def state(self) -> tuple[int, int, int]:
        """What changes with its files: their number, bytes and newest time."""
        # a data set inside an HDF5 file has a path of its own, that of the file and its name
        file = next(each for each in (self.path, *self.path.parents) if each.exists())
        return state_of(file, *self.parts)

    @property
    def voxel_size(self) -> tuple[float, float, float]:
        """Voxel size along X, Y, Z in millimetres.

        If `unit` is `""`, it is not known, and lengths are in voxels.
        """
        return _voxel_size(self.affine)

    @property
    def nbytes(self) -> int:
        """Bytes that the voxels take once they are read."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    @property
    def description(self) -> str:
        """Shape and voxel size as they are understood.

        Such as `512×512×15 voxels of 0.994×0.994×5 µm`, or `64×64×64 voxels, voxel size not stated`.
        """
        voxels = f"{by(self.shape)} voxels"
        if not self.unit:
            return f"{voxels}, voxel size not stated"
        sizes = by([f"{in_unit(side, self.unit):.4g}" for side in self.voxel_size])
        return f"{voxels} of {sizes} {self.unit}{', a unit that the file does not name' * self.assumed_unit}"

    def usable_range(self) -> tuple[float, float] | None:
        """Return `intensity_range`, if voxels of this type can have it.

        If they cannot it is that of a file since made 8-bit, say; then None is returned, and the log has a warning.
        """
        if self.intensity_range is None or self.dtype.kind not in "iu":
            return self.intensity_range
        limits = np.iinfo(self.dtype)
        if limits.min <= self.intensity_range[0] and self.intensity_range[1] <= limits.max:
            return self.intensity_range
        told = "%s: states the intensity range %g to %g, which %s voxels cannot have: its own is used"
        logger.warning(told, self.path, *self.intensity_range, self.dtype)
        return None

    def meta(self) -> dict[str, Any]:
        """Return the metadata for MONAI: strings, numbers and arrays, which any collate keeps.

        What only the writer needs is one JSON string, so that no transform and no batch of two kinds of file can turn
        it into something else.
        """
        meta: dict[str, Any] = {
            "affine": self.affine.copy(),
            "original_affine": self.affine.copy(),
            "spatial_shape": np.asarray(self.shape),
            "space": "RAS",
            "original_channel_dim": float("nan"),  # how MONAI spells that the array has no channel axis
            "file_kind": self.kind,
            UNIT_KEY: self.unit,
            SOURCE_KEY: json.dumps(self.source),
        }
        if self.intensity_range is not None:
            meta[RANGE_KEY] = np.asarray(self.intensity_range, dtype=np.float64)
        return meta


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where an array that is to be written lies, and which file the new one should resemble.

    Attributes:
        affine: 4x4 float64 in millimetres; in voxels where `unit` is `""`.
        unit: the unit in which the file states it.
        source: `VolumeInfo.source` of the file to resemble, or `{}`.
        unmoved: whether the affine is the source's own, so that the file can repeat the source's numbers digit for
            digit. For TIFF, which holds only the voxel size of an affine, that alone has to be the source's.
    """

    affine: np.ndarray
    unit: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    unmoved: bool = False

    @property
    def voxel_size(self) -> tuple[float, float, float]:
        """Voxel size along X, Y, Z in millimetres.

        If `unit` is `""`, it is not known, and lengths are in voxels.
        """
        return _voxel_size(self.affine)


@dataclass(frozen=True, eq=False)
class Slabs:
    """Voxels that are to be written, and are asked for a slab at a time.

    Attributes:
        path: the file that is written, for messages.
        reader: returns the voxels of a box, `(x, y, z)`, or `(K, x, y, z)` of several channels.
        shape: `(X, Y, Z)` or `(K, X, Y, Z)`.
        dtype: of what is written.
    """

    path: Path
    reader: Callable[[Box], np.ndarray]
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def channels(self) -> int:
        """How many channels there are; 0 where voxels have no axis of channels."""
        return self.shape[0] if len(self.shape) == 4 else 0

    @property
    def nbytes(self) -> int:
        """Bytes of all voxels."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self, box: Box) -> np.ndarray:
        """Return the voxels of a box, checked.

        Raises:
            UserError: for voxels of another shape or type, or that are NaN or infinite.
        """
        voxels = np.asarray(self.reader(box))
        wanted = (*self.shape[:-3], *(stop - start for start, stop in box))
        voxels = voxels.view(np.uint8) if voxels.dtype == bool else voxels
        if voxels.shape != wanted or voxels.dtype != self.dtype:
            problem = f"the voxels {box_text(box)} are {voxels.dtype} of shape {voxels.shape}"
            refuse(self.path, problem, f"give {self.dtype} of shape {wanted}")
        if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
            refuse(self.path, f"the voxels {box_text(box)} hold NaN or infinite values", "find where they come from")
        return voxels

    def planes(self) -> Iterator[np.ndarray]:
        """Yield slabs of whole planes, `(X, Y, z)` or `(K, X, Y, z)`, from the first to the last."""
        x, y, z = self.shape[-3:]
        depth = max(1, SLAB * z // max(1, self.nbytes))
        for low in range(0, z, depth):
            yield self.read(((0, x), (0, y), (low, min(z, low + depth))))

    def volumes(self) -> Iterator[np.ndarray]:
        """Yield slabs `(X, Y, z)` of one channel after another; each is asked for as often."""
        if not self.channels:
            yield from self.planes()
        for channel in range(self.channels):
            yield from (slab[channel] for slab in self.planes())


def _voxel_size(affine: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(size) for size in voxel_size(affine))
    return x, y, z
