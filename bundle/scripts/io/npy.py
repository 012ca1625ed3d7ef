"""NumPy's `.npy`: `(X, Y, Z)`, `(X, Y, Z, 1)`, or `(C, X, Y, Z)` with a channel to choose.

The format has no place for a voxel size, so results are in voxels, nor for text. Nothing is ever unpickled.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse, refuse_failures

from .axes import VolumeAxes, choose_volume
from .formats import check_content
from .memory import check_memory
from .opened import StoredVolume, Volume
from .volume import Geometry, Slabs, VolumeInfo

logger = logging.getLogger(__name__)

_MAX_HEADER = 2**16  # bytes; NumPy refuses headers of more than 10,000 characters
_REMEDY = "save the array again with numpy.save"


def read_npy_header(path: Path, channel: int | str | None = None) -> VolumeInfo:
    """Read and check the shape and type of an array file.

    Args:
        path: the file.
        channel: as in `read_header`.

    Raises:
        UserError: as `check_content`; also for a file that is damaged, cut short, longer than its header states,
            pickled, or not one volume.
    """
    return _describe(path, channel)[0]


def read_npy(path: Path, channel: int | str | None = None) -> tuple[VolumeInfo, np.ndarray]:
    """Read an array file: its header, and its voxels `(X, Y, Z)` in native byte order.

    Of several channels, only the chosen one is read.

    Args:
        path: the file.
        channel: as in `read_header`.

    Raises:
        UserError: as `read_npy_header`; also for one that is larger than the free memory.
    """
    info, axes = _describe(path, channel)
    check_memory(path, info.nbytes)
    with refuse_failures(path, "its voxels cannot be read", _REMEDY):
        stored = np.load(path, mmap_mode="r" if info.channel is not None else None, allow_pickle=False)
        return info, np.asarray(axes.cut(stored)).astype(info.dtype, copy=info.channel is not None)  # (X, Y, Z)


def open_npy(path: Path, channel: int | str | None = None) -> Volume:
    """Open an array file, mapped into memory.

    Args:
        path: the file.
        channel: as in `read_header`.

    Raises:
        UserError: as `read_npy_header`.
    """
    info, axes = _describe(path, channel)
    with refuse_failures(path, "its voxels cannot be read", _REMEDY):
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
    return StoredVolume(info, stored, axes, (open_npy, (path, channel)))


def _describe(path: Path, channel: int | str | None) -> tuple[VolumeInfo, VolumeAxes]:
    size = check_content(path)
    with refuse_failures(path, "cannot be read as .npy", _REMEDY), path.open("rb") as file:
        start = BytesIO(file.read(_MAX_HEADER))  # a file would give memory for any length that is stated
        shape, dtype = _read_header(path, start)
    if dtype.hasobject:
        refuse(path, "it holds Python objects, which are never unpickled", "save a plain array of numbers")
    if dtype.kind not in "buif":
        named = "a structured type" if dtype.names else str(dtype)
        refuse(path, f"its voxels are {named}", "save real numbers (integers or floats)")
    if len(shape) not in (3, 4):
        remedy = "save it as (X, Y, Z), or as (C, X, Y, Z) with a --channel"
        refuse(path, f"the array has {len(shape)} axes, shape {shape}", remedy)
    letters = "CXYZ"[-len(shape) :]
    if len(shape) == 4 and shape[-1] == 1:
        letters = "XYZC"  # as Keras and scikit-image keep a single channel
    axes = choose_volume(path, letters, shape, channel)
    expected = start.tell() + math.prod(shape) * dtype.itemsize
    if size < expected:
        refuse(path, f"it is cut short, {size} bytes of {expected} are there", "copy or export it again")
    if size > expected:
        problem = f"it goes on after the {expected} bytes that its header states for {dtype} of shape {shape}"
        refuse(path, problem, _REMEDY)
    info = VolumeInfo(
        path=path,
        kind="npy",
        shape=axes.shape,
        dtype=dtype.newbyteorder("="),
        affine=np.eye(4),
        unit="",
        axes=letters,
        stored_shape=shape,
        channel=axes.channel,
        source={"kind": "npy"},
    )
    return info, axes


def _read_header(path: Path, file: BytesIO) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        refuse(path, f"its format is {version[0]}.{version[1]}, and 1.0 to 3.0 are known", _REMEDY)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, _, dtype = read(file)
    except OSError:
        raise
    except Exception:  # whatever Python's parser raises, MemoryError for brackets nested too deep
        refuse(path, "its header is damaged", _REMEDY)
    # checked before any of them is printed: Python does not print integers of thousands of digits
    if any(isinstance(length, bool) or not 0 <= length < 2**63 for length in shape):
        refuse(path, "its header states lengths that no array has", _REMEDY)
    return shape, dtype


def write_npy(path: Path, array: np.ndarray, geometry: Geometry, metadata: Mapping[str, Any]) -> None:
    """Write an array to a file, not atomically.

    Args:
        path: ends in `.npy`.
        array: `(X, Y, Z)` or `(K, X, Y, Z)`.
        geometry: where it lies; a voxel size is lost, with a warning.
        metadata: of `as_metadata`; a provenance is lost.

    Raises:
        UserError: for an intensity range, which must not be lost, because the format has no place for it.
    """
    _check_metadata(path, geometry, metadata)
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def stream_npy(path: Path, slabs: Slabs, geometry: Geometry, metadata: Mapping[str, Any]) -> None:
    """Write voxels slab by slab to a file, not atomically; it states that X is fastest.

    Args:
        path: ends in `.npy`.
        slabs: the voxels.
        geometry: as in `write_npy`.
        metadata: as in `write_npy`.

    Raises:
        UserError: as `write_npy`.
    """
    _check_metadata(path, geometry, metadata)
    stated = {"descr": np.lib.format.dtype_to_descr(slabs.dtype), "fortran_order": True, "shape": slabs.shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, stated)
        for slab in slabs.planes():
            file.write(slab.tobytes(order="F"))


def _check_metadata(path: Path, geometry: Geometry, metadata: Mapping[str, Any]) -> None:
    if "intensity_range" in metadata:
        refuse(path, ".npy cannot hold an intensity range", "write .tif or .nii.gz")
    if geometry.unit:
        logger.warning("%s: .npy cannot hold the voxel size", path)
