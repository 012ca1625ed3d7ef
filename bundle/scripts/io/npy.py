"""NumPy's `.npy`, in the pipeline's own order: `(X, Y, Z)`, or `(C, X, Y, Z)` with a channel to choose.

It holds no voxel size, so that results are in voxels, and no text. Nothing is ever unpickled.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse, refuse_failures

from .axes import VolumeAxes, choose_volume
from .formats import check_content
from .volume import Geometry, VolumeInfo

logger = logging.getLogger(__name__)

_CURE = "save the array again with numpy.save"


def read_npy_header(path: Path, channel: int | None = None) -> VolumeInfo:
    """Shape and type of an array file, checked.

    Raises:
        UserError: as `check_content`.
        UserError: the file is damaged, cut short, pickled, or not one volume.
    """
    return _describe(path, channel)[0]


def read_npy(path: Path, channel: int | None = None) -> tuple[VolumeInfo, np.ndarray]:
    """The header and the voxels `(X, Y, Z)`, in native byte order. Of several channels, one is read.

    Raises:
        UserError: as `read_npy_header`.
    """
    info, axes = _describe(path, channel)
    with refuse_failures(path, "its voxels cannot be read", _CURE):
        stored = np.load(path, mmap_mode="r" if info.channel is not None else None, allow_pickle=False)
        return info, np.asarray(axes.cut(stored)).astype(info.dtype, copy=info.channel is not None)


def _describe(path: Path, channel: int | None) -> tuple[VolumeInfo, VolumeAxes]:
    size = check_content(path)
    with refuse_failures(path, "cannot be read as .npy", _CURE), path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        start = file.tell()
    if dtype.hasobject:
        refuse(path, "it holds Python objects, which are never unpickled", "save a plain array of numbers")
    if dtype.kind not in "buif":
        refuse(path, f"its voxels are {dtype}", "save real numbers (integers or floats)")
    if len(shape) not in (3, 4):
        cure = "save it as (X, Y, Z), or as (C, X, Y, Z) with a --channel"
        refuse(path, f"the array has {len(shape)} axes, shape {shape}", cure)
    axes = choose_volume(path, "CXYZ"[-len(shape) :], shape, channel)
    expected = start + math.prod(shape) * dtype.itemsize
    if size < expected:
        refuse(path, f"it is cut short, {size} bytes of {expected} are there", "copy or export it again")
    info = VolumeInfo(
        path=path,
        kind="npy",
        shape=axes.shape,
        dtype=dtype.newbyteorder("="),
        affine=np.eye(4),
        unit="",
        axes="CXYZ"[-len(shape) :],
        stored_shape=shape,
        channel=channel if math.prod(axes.shape) < math.prod(shape) else None,
        source={"kind": "npy"},
    )
    return info, axes


def write_npy(path: Path, array: np.ndarray, geometry: Geometry, notes: Mapping[str, Any]) -> None:
    """Write `array`, `(X, Y, Z)` or `(K, X, Y, Z)`, to `path` (not atomically).

    Raises:
        UserError: an intensity range is to be kept, for which the format has no place.
    """
    if "intensity_range" in notes:
        refuse(path, ".npy cannot hold an intensity range", "write .tif or .nii.gz")
    if geometry.unit:
        logger.warning("%s: .npy cannot hold the voxel size", path)
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
