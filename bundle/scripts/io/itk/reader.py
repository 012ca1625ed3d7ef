"""NRRD and MetaImage in: voxels `(X, Y, Z)`, and SimpleITK's own geometry in millimetres."""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse, refuse_failures

from ..axes import VolumeAxes, choose_volume
from ..extra import extra_library
from ..formats import check_content
from ..memory import check_memory
from ..metadata import parse_metadata
from ..units import millimetres
from ..volume import LPS_TO_RAS, VolumeInfo
from .header import REMEDY, ItkHeader, check_compressed, read_head

METADATA = "tubenet"
"""The name under which our JSON stands among the fields."""
IMAGE_IO = {"nrrd": "NrrdImageIO", "metaimage": "MetaImageIO"}
_MAX_VOXELS_AWAY = 1e12


def read_itk_header(path: Path, channel: int | str | None = None) -> VolumeInfo:
    """Read and check all that a header says.

    Args:
        path: the file.
        channel: as in `read_header`; of the components of a voxel, or of time points.

    Raises:
        UserError: as `read_head`; also for a file that ITK cannot read, is larger than the free memory, or not one
            volume; without SimpleITK.
    """
    return _describe(path, channel)[0]


def read_itk(path: Path, channel: int | str | None = None) -> tuple[VolumeInfo, np.ndarray]:
    """Read a file: its header, and its voxels `(X, Y, Z)` in native byte order.

    Args:
        path: the file.
        channel: as in `read_itk_header`.

    Raises:
        UserError: as `read_itk_header`; also for voxels that cannot be decompressed.
    """
    info, axes, head, reader = _describe(path, channel)
    crc = check_compressed(path, head) if head.compressed else None
    itk = extra_library("SimpleITK", path)
    with refuse_failures(path, "its voxels cannot be read", REMEDY):
        stored = itk.GetArrayFromImage(reader.Execute())  # (Z, Y, X), (Z, Y, X, C) or (T, Z, Y, X)
    in_stored_order = not head.swapped and not (head.kind == "nrrd" and info.axes.endswith("C"))
    if crc is not None and in_stored_order and zlib.crc32(stored) != crc:
        refuse(path, "ITK does not read the voxels that it holds", REMEDY)
    stored = np.moveaxis(stored, -1, 0) if info.axes.endswith("C") else stored
    voxels = axes.cut(stored.transpose())  # (X, Y, Z)
    return info, voxels if info.channel is None else np.asfortranarray(voxels)


def _describe(path: Path, channel: int | str | None) -> tuple[VolumeInfo, VolumeAxes, ItkHeader, Any]:
    check_content(path)
    itk = extra_library("SimpleITK", path)
    head = read_head(path)
    itk.ProcessObject.SetGlobalWarningDisplay(False)  # it would print into the log
    reader = itk.ImageFileReader()
    with refuse_failures(path, "cannot be read by ITK", REMEDY):
        reader.SetImageIO(IMAGE_IO[head.kind])
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        size, dimension, components = reader.GetSize(), reader.GetDimension(), reader.GetNumberOfComponents()
        dtype = _dtype(itk, path, reader.GetPixelID())
        keys = reader.GetMetaDataKeys()
        text = reader.GetMetaData(METADATA) if METADATA in keys else ""
    shape = (*size, *([components] if components > 1 else []))
    if math.prod(shape) * dtype.itemsize != head.nbytes:
        refuse(path, f"ITK takes it for {dtype} of shape {shape}, and its header states {head.nbytes} bytes", REMEDY)
    letters = "XYZTUVW"[:dimension] + ("C" if components > 1 else "")
    axes = choose_volume(path, letters, shape, channel)
    unit, assumed = (head.unit, False) if head.unit else (_assumed_unit(head, reader.GetSpacing()), True)
    provenance, bounds = parse_metadata(text)
    info = VolumeInfo(
        path=path,
        kind=head.kind,
        shape=axes.shape,
        dtype=dtype,
        affine=_affine(path, reader, dimension, millimetres(unit)),
        unit=unit,
        axes=letters,
        stored_shape=shape,
        channel=axes.channel,
        intensity_range=bounds,
        provenance=provenance,
        source={
            "kind": head.kind,
            "compressed": head.compressed,
            "spacing": reader.GetSpacing()[:3],
            "origin": reader.GetOrigin()[:3],
            "direction": np.reshape(reader.GetDirection(), (dimension, dimension))[:3, :3].ravel().tolist(),
            "named_unit": bool(head.unit),
        },
        has_place=head.has_place,
        assumed_unit=assumed,
        parts=() if head.data == path else (head.data,),
    )
    check_memory(path, 2 * head.nbytes)  # SimpleITK's image, and the array made of it
    return info, axes, head, reader


def _dtype(itk: Any, path: Path, pixel: int) -> np.dtype:
    name = itk.GetPixelIDValueAsString(pixel).removeprefix("vector of ")
    number = {"32-bit float": "float32", "64-bit float": "float64"}.get(name)
    bits = name.partition("-bit")[0]
    if number is None and bits.isdigit() and "integer" in name:
        number = f"{'uint' if 'unsigned' in name else 'int'}{bits}"
    if number is None:
        refuse(path, f"its voxels are {name}", "save real numbers (integers or floats)")
    return np.dtype(number)


def _assumed_unit(head: ItkHeader, spacing: tuple[float, ...]) -> str:
    """Return millimetres, by convention; sizes of 1, and none, say nothing."""
    return "mm" if head.has_size and any(size != 1 for size in spacing[:3]) else ""


def _affine(path: Path, reader: Any, dimension: int, factor: float) -> np.ndarray:
    if dimension < 3:
        return np.eye(4)  # it is no volume, and refused as such
    lps = np.eye(4)
    directions = np.reshape(reader.GetDirection(), (dimension, dimension))[:3, :3]
    lps[:3, :3] = directions * np.array(reader.GetSpacing()[:3])
    lps[:3, 3] = reader.GetOrigin()[:3]
    lps[:3] *= factor
    far = np.abs(lps[:3, 3]).max() > _MAX_VOXELS_AWAY * np.linalg.norm(lps[:3, :3], axis=0).min()
    if not np.isfinite(lps).all() or abs(np.linalg.det(lps[:3, :3])) < np.finfo(float).tiny or far:
        refuse(path, "its voxel size, directions and origin put no voxel in a place of its own", "set them again")
    return LPS_TO_RAS @ lps
