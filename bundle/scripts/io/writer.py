"""One way to write every kind of file, whole or not at all, at once or slab by slab."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import Box, make_folder, refuse, refuse_failures, same_grid, voxel_size, whole_folder, write_whole

from .dicom import write_dicom
from .formats import FAMILY_OF_KIND, file_family, split_name
from .itk import write_itk
from .memory import check_memory
from .metadata import as_metadata
from .nifti import stream_nifti, write_nifti
from .npy import stream_npy, write_npy
from .tiff import stream_tiff, write_tiff
from .units import canonical_unit, millimetres
from .volume import SOURCE_KEY, UNIT_KEY, Geometry, Slabs, VolumeInfo
from .zarr import NOTES, BlockArray, check_replaceable, finish_blocks, stream_zarr, write_zarr

_WRITERS: dict[str, Callable[..., None]] = {
    "tiff": write_tiff,
    "nifti": write_nifti,
    "npy": write_npy,
    "zarr": write_zarr,
    "itk": write_itk,
    "dicom": write_dicom,
}
# the others are written at once
_STREAMS: dict[str, Callable[..., None]] = {
    "tiff": stream_tiff,
    "nifti": stream_nifti,
    "npy": stream_npy,
    "zarr": stream_zarr,
}
_PROBLEM, _REMEDY = "cannot be written", "check the disk, the permissions and the array"
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
    metadata = _metadata(path, provenance, intensity_range)
    _write(path, lambda temporary: write(temporary, array, geometry, metadata))
    return path


def write_streamed(
    path: str | os.PathLike[str],
    read: Callable[[Box], np.ndarray],
    shape: Sequence[int],
    dtype: Any,
    like: VolumeInfo | Mapping[str, Any] | None = None,
    *,
    affine: np.ndarray | None = None,
    provenance: Mapping[str, Any] | None = None,
    intensity_range: Sequence[float] | None = None,
    label_names: Sequence[str] | None = None,
) -> Path:
    """Write a volume that is asked for slab by slab, so that memory stays flat.

    The file is as `write_volume` writes it. NRRD, MetaImage and DICOM are written at once: all voxels are held.

    Args:
        path: as in `write_volume`.
        read: returns the voxels of a box, `(x, y, z)`, or of several channels `(K, x, y, z)`. Each box is asked for
            once, Z slowest; where the file has one channel behind another, once for each channel.
        shape: `(X, Y, Z)` or `(K, X, Y, Z)`.
        dtype: as in `write_volume`.
        like: as in `write_volume`.
        affine: as in `write_volume`, with `like`.
        provenance: as in `write_volume`.
        intensity_range: as in `write_volume`.
        label_names: as in `write_volume`.

    Raises:
        UserError: as `write_volume`; also whatever `read` raises. Nothing is left of the unfinished file.
    """
    path = Path(path)
    write = _writer_of(path, label_names)
    slabs = Slabs(path, read, _checked_shape(path, shape), _checked_dtype(path, np.dtype(dtype)))
    geometry = _geometry(path, slabs.shape[-3:], like, affine, None, "")
    metadata = _metadata(path, provenance, intensity_range)
    family = file_family(path)
    if family not in _STREAMS:
        check_memory(path, slabs.nbytes)
        whole = slabs.read(tuple((0, length) for length in slabs.shape[-3:]))
        _write(path, lambda temporary: write(temporary, whole, geometry, metadata))
    elif family == "zarr":
        _write(path, lambda temporary: stream_zarr(temporary, slabs, geometry, metadata, path.name))
    else:
        _write(path, lambda temporary: _STREAMS[family](temporary, slabs, geometry, metadata))
    return path


def finish_zarr(
    array: BlockArray,
    path: str | os.PathLike[str],
    like: VolumeInfo | Mapping[str, Any] | None = None,
    *,
    provenance: Mapping[str, Any] | None = None,
    intensity_range: Sequence[float] | None = None,
    label_names: Sequence[str] | None = None,
    notes: Mapping[str, Any] | None = None,
) -> Path:
    """Make an array that was written block by block an OME-Zarr; no voxel is copied.

    It becomes the finest level; coarser ones are made of it. Where `like` is a plain Zarr array, so is the result. What
    was noted in the array's attributes is dropped.

    Args:
        array: whole; in the file system of `path`, and gone afterwards.
        path: ends in `.zarr`.
        like: as in `write_volume`.
        provenance: as in `write_volume`.
        intensity_range: as in `write_volume`.
        label_names: of the classes, background first; they are kept beside the provenance.
        notes: fit for JSON, for `notes_of`.

    Raises:
        UserError: as `write_volume`. The array is where it was, and nothing is left of the unfinished folder.
    """
    path = Path(path)
    if file_family(path) != "zarr":
        refuse(path, "is to be a Zarr by its voxels", "give a name that ends in .ome.zarr")
    geometry = _geometry(path, array.shape, like, None, None, "")
    metadata = _metadata(path, provenance, intensity_range)
    if label_names is not None:
        metadata["label_names"] = [str(name) for name in label_names]
    if notes is not None:
        metadata[NOTES] = dict(notes)
    _write(path, lambda temporary: finish_blocks(temporary, array, geometry, metadata, path.name))
    return path


def _write(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file, or the folder of a Zarr, under a temporary name and rename it."""
    with refuse_failures(path, _PROBLEM, _REMEDY):
        if file_family(path) != "zarr":
            write_whole(path, write)
            return
        check_replaceable(path)
        make_folder(path.parent)
        with whole_folder(path, replace=True) as temporary:
            write(temporary)


def _metadata(path: Path, provenance: Mapping[str, Any] | None, bounds: Sequence[float] | None) -> dict[str, Any]:
    with refuse_failures(path, "its metadata cannot be written", "give plain numbers and text"):
        return as_metadata(provenance, bounds)


def _writer_of(path: Path, label_names: Sequence[str] | None) -> Callable[..., None]:
    family = file_family(path)
    if family not in _WRITERS or path.suffix.lower() in (".nhdr", ".mhd"):
        written = "as .ome.tif" if family in ("microscopy", "hdf5") else "as one file, .nrrd or .mha"
        refuse(path, f"{split_name(path)[1]} is read and not written", f"write it {written}")
    if family == "dicom":
        return partial(write_dicom, label_names=label_names, subject=path)
    return partial(write_zarr, name=path.name) if family == "zarr" else _WRITERS[family]


def _checked_array(path: Path, array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype == bool:
        array = array.view(np.uint8)
    _checked_dtype(path, array.dtype)
    _checked_shape(path, array.shape)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        refuse(path, "the array holds NaN or infinite values", "find where they come from")
    return array


def _checked_dtype(path: Path, dtype: np.dtype) -> np.dtype:
    dtype = np.dtype(np.uint8) if dtype.kind == "b" else dtype
    if dtype.name not in _DTYPES:
        refuse(path, f"an array of {dtype} cannot be written", f"convert it to one of {', '.join(_DTYPES)}")
    return dtype


def _checked_shape(path: Path, shape: Sequence[int]) -> tuple[int, ...]:
    sides = tuple(int(length) for length in shape)
    if len(sides) not in (3, 4) or 0 in sides:
        refuse(path, f"the array has shape {sides}", "give (X, Y, Z) or (K, X, Y, Z), none of them 0")
    return sides


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
