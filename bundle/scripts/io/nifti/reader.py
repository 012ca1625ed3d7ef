"""NIfTI in: voxels `(X, Y, Z)`, slope and intercept applied, and an affine in millimetres."""

from __future__ import annotations

import base64
import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from scripts.core import refuse, refuse_failures

from ..axes import VolumeAxes, choose_volume
from ..formats import check_content
from ..memory import check_memory
from ..metadata import parse_metadata
from ..units import millimetres
from ..volume import VolumeInfo
from .header import BLOCK, REMEDY, UNIT_CODES, NiftiHeader, check_end, open_nifti, read_head

_AXES = "XYZTCUVW"  # NIfTI's own order: three of space, then time, then whatever the fifth means
_MAX_VOXELS_AWAY = 1e12


def read_nifti_header(path: Path, channel: int | str | None = None) -> VolumeInfo:
    """Read and check all that a NIfTI header says.

    Args:
        path: the file.
        channel: as in `read_header`.

    Raises:
        UserError: as `check_content`; also for a file that is damaged, cut short, longer than its header states, or not
            one volume.
    """
    check_content(path)
    with refuse_failures(path, "cannot be read as NIfTI", REMEDY), open_nifti(path) as file:
        head = read_head(path, file)
        if path.suffix.lower() == ".gz":
            _check_unzipped_length(path, file, head)
        return describe(path, head, channel)[0]


def read_nifti(path: Path, channel: int | str | None = None) -> tuple[VolumeInfo, np.ndarray]:
    """Read a NIfTI file: its header, and its voxels `(X, Y, Z)` in native byte order.

    `scl_slope` and `scl_inter` are applied to the voxels. A compressed file is read to its end, beyond a chosen channel
    too, because its checksum stands there: a damaged one often decompresses without complaint.

    Args:
        path: the file.
        channel: as in `read_header`.

    Raises:
        UserError: as `read_nifti_header`; also for voxels that are larger than the free memory, cannot be
            decompressed, or are too large once they are scaled.
    """
    check_content(path)
    with refuse_failures(path, "its voxels cannot be read", REMEDY), open_nifti(path) as file:
        head = read_head(path, file)
        info, axes = describe(path, head, channel)
        check_memory(path, info.nbytes)
        return info, scaled(path, head, _read_voxels(path, file, head, axes))  # (X, Y, Z)


def describe(path: Path, head: NiftiHeader, channel: int | str | None) -> tuple[VolumeInfo, VolumeAxes]:
    """Return what a header says of the chosen volume, and which voxels are its.

    Args:
        path: the file.
        head: of `read_head`.
        channel: as in `read_header`.

    Raises:
        UserError: for an affine without an inverse, or what is not one volume.
    """
    header, shape = head.header, head.shape
    axes = choose_volume(path, _AXES[: len(shape)], shape, channel)
    affine = np.array(header.get_best_affine(), dtype=np.float64)
    unit = _unit(header)
    affine[:3] *= millimetres(unit)
    if not _has_inverse(affine):
        refuse(
            path,
            "its affine has no inverse (a voxel size of 0, or NaN, or an origin too far away)",
            "set sform or qform again",
        )
    found = [parse_metadata(comment.strip(b"\0")) for comment in head.comments]
    provenance, bounds = next((metadata for metadata in found if any(metadata)), ({}, None))
    info = VolumeInfo(
        path=path,
        kind="nifti",
        shape=axes.shape,
        dtype=_scaled_dtype(head),
        affine=affine,
        unit=unit,
        axes=_AXES[: len(shape)],
        stored_shape=shape,
        channel=axes.channel,
        intensity_range=bounds,
        provenance=provenance,
        source={
            "kind": "nifti",
            "header": base64.b64encode(header.binaryblock).decode("ascii"),
            "endianness": header.endianness,
            "trailing": len(shape) - 3,
        },
        has_place=bool(header["sform_code"] > 0 or header["qform_code"] > 0),
        assumed_unit=not UNIT_CODES[int(header["xyzt_units"]) & 7],
    )
    return info, axes


def scaled(path: Path, head: NiftiHeader, stored: np.ndarray) -> np.ndarray:
    """Return the voxels that stored numbers mean, in native byte order.

    Raises:
        UserError: for voxels that are too large once they are scaled.
    """
    voxels = stored.astype(_scaled_dtype(head), copy=False)
    if (scale := _scale(head)) != (1.0, 0.0) and voxels.size:
        _apply(path, voxels, *scale)
    return voxels


def first_byte(head: NiftiHeader, axes: VolumeAxes) -> int:
    """Return where the chosen volume begins; volumes are stored one after another."""
    further = [index for index in axes.index if isinstance(index, int)]
    which = int(np.ravel_multi_index(further, head.shape[3:], order="F")) if further else 0
    return head.offset + which * math.prod(axes.shape) * head.stored.itemsize


def _has_inverse(affine: np.ndarray) -> bool:
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < np.finfo(float).tiny:
        return False
    # where the origin lies further away, in voxels, numbers no longer tell one voxel from the next
    return bool(np.abs(np.linalg.solve(affine[:3, :3], affine[:3, 3])).max() < _MAX_VOXELS_AWAY)


def _scale(head: NiftiHeader) -> tuple[float, float]:
    slope, inter = head.header.get_slope_inter()
    return (1.0, 0.0) if slope is None else (slope, inter)


def _scaled_dtype(head: NiftiHeader) -> np.dtype:
    stored = head.stored.newbyteorder("=")
    slope, inter = _scale(head)
    if (slope, inter) == (1.0, 0.0):
        return stored
    # single precision holds every 16-bit integer times a slope, unless an intercept far beyond them takes its digits;
    # wider integers need double
    short = stored.itemsize <= 2 or head.stored == np.float32
    near = abs(inter) <= 2**22 * abs(slope) and 2**16 * abs(slope) + abs(inter) < np.finfo(np.float32).max
    return np.dtype(np.float32 if short and near else np.float64)


def _apply(path: Path, voxels: np.ndarray, slope: float, inter: float) -> None:
    """Scale the voxels in their own memory."""
    ends = np.array([voxels.min(), voxels.max()])
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(ends).all() and not np.isfinite(ends * ends.dtype.type(slope) + ends.dtype.type(inter)).all():
            problem = f"scl_slope {slope:g} and scl_inter {inter:g} make its values too large for a number"
            refuse(path, problem, "correct the two")
        voxels *= voxels.dtype.type(slope)
        voxels += voxels.dtype.type(inter)


def _unit(header: Any) -> str:
    """Return the unit of space: millimetres, by convention, where the header names none.

    A header that names none and has a voxel size of 1 is taken to state no voxel size at all.
    """
    unit = UNIT_CODES[int(header["xyzt_units"]) & 7]
    sizes = np.asarray(header.get_zooms()[:3])
    return unit or ("" if np.all(sizes == 1) else "mm")


def _read_voxels(path: Path, file: BinaryIO, head: NiftiHeader, axes: VolumeAxes) -> np.ndarray:
    """Read the volume `(X, Y, Z)` that `axes` chooses."""
    start = first_byte(head, axes)
    file.seek(start)
    voxels = np.empty(axes.shape, head.stored, order="F")  # takes memory only as it is filled
    check_end(path, file, head, start + fill(file, voxels))
    return voxels


def fill(file: BinaryIO, voxels: np.ndarray) -> int:
    """Fill an array that lies in memory as it is stored, and return how many bytes there were."""
    buffer: Any = voxels.reshape(-1, order="F").view(np.uint8)  # the same memory
    at = 0
    while at < voxels.nbytes and (count := file.readinto(buffer[at : at + BLOCK])):  # type: ignore[attr-defined]
        at += count
    return at


def _check_unzipped_length(path: Path, file: BinaryIO, head: NiftiHeader) -> None:
    """Compare the length of a compressed file with its header, if possible without unpacking."""
    with path.open("rb") as packed:
        packed.seek(-min(4, path.stat().st_size), 2)
        tail = packed.read()
    # gzip ends with the length modulo 2**32; only several members in one file, or a cut one, have another there
    if len(tail) < 4 or struct.unpack("<I", tail)[0] != head.length % 2**32:
        try:
            file.seek(head.offset)
            check_end(path, file, head, head.offset)
        except EOFError:
            refuse(path, f"it is cut short, less than {head.length} bytes are there once decompressed", REMEDY)
