"""One way to write every kind of file, whole or not at all: `write_volume`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse, refuse_failures, same_grid, voxel_size, write_whole

from .dicom import write_dicom
from .formats import FAMILY_OF_KIND, file_family, split_name
from .itk import write_itk
from .metadata import as_metadata
from .nifti import write_nifti
from .npy import write_npy
from .tiff import write_tiff
from .units import canonical_unit, millimetres
from .volume import SOURCE_KEY, UNIT_KEY, Geometry, VolumeInfo

_WRITERS: dict[str, Callable[..., None]] = {
    "tiff": write_tiff,
    "nifti": write_nifti,
    "npy": write_npy,
    "itk": write_itk,
    "dicom": write_dicom,
}
_DTYPES = ("uint8", "uint16", "float32")


def write_volume(
    path: str | os.PathLike[str],
    array: np.ndarray,
    like: VolumeInfo | Mapping[str, Any] | None = None,
    *,
    affine: np.ndarray | None = None,
    voxel_size: Sequence[float] | None = None,
    unit: str = "",
    provenance: Mapping[str, Any] | None = None,
    intensity_range: Sequence[float] | None = None,
    label_names: Sequence[str] | None = None,
) -> Path:
    """Write an array to a file, as the same kind of file as the one that it was made from.

    The file has a temporary name until it is complete.

    Args:
        path: the file; its suffix is one of `READ_SUFFIXES`, and neither of two files nor a microscope's. Its folder is
            made if need be.
        array: `(X, Y, Z)`, or `(K, X, Y, Z)` for several channels; bool (written as uint8), uint8, uint16 or float32.
        like: the volume it was made from: a `VolumeInfo`, or the metadata that `VolumeReader` gave. Where `path` is of
            the same family, the file is of the same kind, with its byte order, compression, unit and orientation.
        affine: 4x4 in millimetres (in voxels where `like` states no unit). With `like`, for an array that lies
            elsewhere, such as a block cut out of it; without, for a volume made from nothing.
        voxel_size: X, Y, Z in `unit`, for a volume made from nothing. Not with `like`.
        unit: the unit to state the geometry in: `µm`, `mm`, ... in any usual spelling. Goes with `affine` or
            `voxel_size`; with `like` it is that of `like`.
        provenance: how the array was made, any dictionary fit for JSON; kept in the file (`.npy` has no place for it).
        intensity_range: lowest and highest intensity of the volume that this one was cut from; kept in the file.
        label_names: of the classes, background first; a DICOM segmentation keeps them.

    Returns:
        The path.

    Raises:
        UserError: for an array, a geometry or a name that cannot be written, a folder that may not be written to, or a
            full disk. Nothing is left of the unfinished file.
    """
    path = Path(path)
    write = _writer_of(path, label_names)
    array = _checked_array(path, array)
    geometry = _geometry(path, array.shape[-3:], like, affine, voxel_size, unit)
    with refuse_failures(path, "its metadata cannot be written", "give plain numbers and text"):
        metadata = as_metadata(provenance, intensity_range)
    with refuse_failures(path, "cannot be written", "check the disk, the permissions and the array"):
        write_whole(path, lambda temporary: write(temporary, array, geometry, metadata))
    return path


def _writer_of(path: Path, label_names: Sequence[str] | None) -> Callable[..., None]:
    family = file_family(path)
    if family not in _WRITERS or path.suffix.lower() in (".nhdr", ".mhd"):
        written = "as .ome.tif" if family == "microscopy" else "as one file, .nrrd or .mha"
        refuse(path, f"{split_name(path)[1]} is read and not written", f"write it {written}")
    return partial(write_dicom, label_names=label_names, subject=path) if family == "dicom" else _WRITERS[family]


def _checked_array(path: Path, array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype == bool:
        array = array.view(np.uint8)
    if array.dtype.name not in _DTYPES:
        refuse(path, f"an array of {array.dtype} cannot be written", f"convert it to one of {', '.join(_DTYPES)}")
    if array.ndim not in (3, 4) or 0 in array.shape:
        refuse(path, f"the array has shape {array.shape}", "give (X, Y, Z) or (K, X, Y, Z), none of them 0")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        refuse(path, "the array holds NaN or infinite values", "find where they come from")
    return array


def _geometry(
    path: Path,
    shape: tuple[int, ...],
    like: VolumeInfo | Mapping[str, Any] | None,
    affine: np.ndarray | None,
    voxel_size: Sequence[float] | None,
    unit: str,
) -> Geometry:
    if like is not None:
        if voxel_size is not None or unit:
            refuse(path, "both a volume to resemble and a voxel size are given", "give one of them")
        return _geometry_like(path, shape, like, affine)
    known = canonical_unit(unit)
    if bool(known) != (voxel_size is not None or affine is not None) or (unit and not known):
        refuse(path, f"voxel_size {voxel_size} and unit {unit!r} do not go together", "give both, or neither")
    if affine is not None:
        return Geometry(np.asarray(affine, dtype=np.float64), known)
    sizes = np.asarray([1.0, 1.0, 1.0] if voxel_size is None else voxel_size, dtype=np.float64)
    if sizes.shape != (3,) or not np.isfinite(sizes).all() or (sizes <= 0).any():
        refuse(path, f"voxel_size is {voxel_size}", "give three positive numbers, for X, Y and Z")
    return Geometry(np.diag([*(sizes * millimetres(known)), 1.0]), known)


def _geometry_like(
    path: Path, shape: tuple[int, ...], like: VolumeInfo | Mapping[str, Any], affine: np.ndarray | None
) -> Geometry:
    meta = like.meta() if isinstance(like, VolumeInfo) else like
    if SOURCE_KEY not in meta:
        refuse(path, "the volume to resemble was not read by VolumeReader", "load it with reader=VolumeReader()")
    source = json.loads(meta[SOURCE_KEY])
    original = np.asarray(meta["original_affine"], dtype=np.float64)
    wanted = np.asarray(meta["affine"] if affine is None else affine, dtype=np.float64)
    unmoved = same_grid(wanted, original, shape)
    wanted = original if unmoved else wanted
    family = file_family(path)
    if family == "tiff":
        unmoved = np.allclose(voxel_size(wanted), voxel_size(original), rtol=1e-6, atol=0)
    return Geometry(wanted, str(meta[UNIT_KEY]), source if FAMILY_OF_KIND[source["kind"]] == family else {}, unmoved)
