"""NIfTI in and out: any affine comes back bit for bit, in the unit that the file stated.

Inside it is in millimetres, as every affine of this package is.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from scripts.core import refuse, refuse_failures

from .axes import VolumeAxes, choose_volume
from .formats import check_content
from .metadata import parse_metadata
from .units import millimetres
from .volume import Geometry, VolumeInfo

_AXES = "XYZTCUVW"  # NIfTI's own order: three of space, then time, then whatever the fifth means
_UNITS = {"meter": "m", "mm": "mm", "micron": "µm"}
_COMMENT = 6  # the extension code for plain text
_REMEDY = "copy or export it again"
_HEADERS: dict[int, Any] = {540: nib.Nifti2Header, 348: nib.Nifti1Header}


def read_nifti_header(path: Path, channel: int | None = None) -> VolumeInfo:
    """Read and check all that a NIfTI header says.

    Args:
        path: the file.
        channel: as in `read_header`.

    Raises:
        UserError: as `check_content`; also for a file that is damaged, cut short, or not one volume.
    """
    check_content(path)
    with refuse_failures(path, "cannot be read as NIfTI", _REMEDY):
        return _describe(path, nib.load(path, mmap=False), channel)[0]


def read_nifti(path: Path, channel: int | None = None) -> tuple[VolumeInfo, np.ndarray]:
    """Read a NIfTI file: its header, and its voxels `(X, Y, Z)` in native byte order.

    `scl_slope` and `scl_inter` are applied to the voxels.

    Args:
        path: the file.
        channel: as in `read_header`.

    Raises:
        UserError: as `read_nifti_header`; also for voxels that cannot be decompressed.
    """
    check_content(path)
    with refuse_failures(path, "its voxels cannot be read", _REMEDY):
        image: Any = nib.load(path, mmap=False)
        info, axes = _describe(path, image, channel)
        proxy = image.dataobj
        if info.channel is not None:  # nibabel reads, and scales, the chosen channel alone
            return info, np.asarray(proxy[axes.index]).astype(info.dtype, copy=False)  # (X, Y, Z)
        voxels = axes.cut(np.asarray(proxy.get_unscaled())).astype(info.dtype, copy=False)  # (X, Y, Z)
        if (proxy.slope, proxy.inter) != (1.0, 0.0):
            voxels *= info.dtype.type(proxy.slope)
            voxels += info.dtype.type(proxy.inter)
        return info, voxels


def _describe(path: Path, image: Any, channel: int | None) -> tuple[VolumeInfo, VolumeAxes]:
    header = image.header
    stored = header.get_data_dtype()
    if stored.kind not in "buif":
        refuse(path, f"its voxels are {_numbers(stored)}", "save real numbers (integers or floats)")
    shape = tuple(int(length) for length in header.get_data_shape())
    axes = choose_volume(path, _AXES[: len(shape)], shape, channel)
    _check_whole(path, int(image.dataobj.offset), int(np.prod(shape, dtype=np.int64)) * stored.itemsize)
    affine = np.array(image.affine, dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < np.finfo(float).tiny:
        refuse(path, "its affine has no inverse (a voxel size of 0, or NaN)", "set sform or qform again")
    unit = _unit(header)
    affine[:3] *= millimetres(unit)
    comments = [e.get_content() for e in header.extensions if e.get_code() == _COMMENT]
    found = [parse_metadata(comment.strip(b"\0") if isinstance(comment, bytes) else comment) for comment in comments]
    provenance, bounds = next((metadata for metadata in found if any(metadata)), ({}, None))
    info = VolumeInfo(
        path=path,
        kind="nifti",
        shape=axes.shape,
        dtype=_scaled_dtype(stored, image.dataobj),
        affine=affine,
        unit=unit,
        axes=_AXES[: len(shape)],
        stored_shape=shape,
        channel=channel if np.prod(axes.shape) < np.prod(shape) else None,
        intensity_range=bounds,
        provenance=provenance,
        source={
            "kind": "nifti",
            "header": base64.b64encode(header.binaryblock).decode("ascii"),
            "endianness": header.endianness,
            "trailing": len(shape) - 3,
        },
    )
    return info, axes


def _numbers(dtype: np.dtype) -> str:
    return {"c": "complex numbers", "V": "colours (a structured type)"}.get(dtype.kind, str(dtype))


def _scaled_dtype(stored: np.dtype, proxy: Any) -> np.dtype:
    if (proxy.slope, proxy.inter) == (1.0, 0.0):
        return stored.newbyteorder("=")
    # single precision holds every 16-bit integer times a slope; wider ones need double
    return np.dtype(np.float32 if stored.itemsize <= 2 or stored == np.float32 else np.float64)


def _unit(header: Any) -> str:
    """Return the unit of space: millimetres, by convention, where the header names none.

    A header that names none and has a voxel size of 1 is taken to state no voxel size at all.
    """
    unit = _UNITS.get(header.get_xyzt_units()[0], "")
    sizes = np.asarray(header.get_zooms()[:3])
    return unit or ("" if np.all(sizes == 1) else "mm")


def _check_whole(path: Path, offset: int, nbytes: int) -> None:
    """Refuse a file that ends before its voxels do; they begin at `offset`, once decompressed."""
    if path.suffix.lower() == ".nii":
        found = path.stat().st_size
    else:
        with path.open("rb") as file:
            file.seek(-min(4, path.stat().st_size), 2)
            tail = file.read()
        # gzip ends with the length modulo 2**32: a whole file is known without decompressing it
        if len(tail) == 4 and struct.unpack("<I", tail)[0] == (offset + nbytes) % 2**32:
            return
        found = _unzipped_length(path)
    if found < offset + nbytes:
        refuse(path, f"it is cut short, {found} bytes of {offset + nbytes} are there", _REMEDY)


def _unzipped_length(path: Path) -> int:
    length = 0
    try:
        with gzip.open(path) as file:
            while block := file.read(1 << 20):
                length += len(block)
    except (EOFError, OSError, ValueError):
        pass  # the file ends or breaks here, and what could be read so far is all there is
    except Exception as error:  # zlib's own class
        refuse(path, f"it cannot be decompressed ({error})", _REMEDY)
    return length


def write_nifti(path: Path, array: np.ndarray, geometry: Geometry, metadata: Mapping[str, Any]) -> None:
    """Write an array to a file, not atomically; compressed if its name ends in `.gz`.

    Args:
        path: ends in `.nii` or `.nii.gz`.
        array: `(X, Y, Z)`, or `(K, X, Y, Z)` which is stored `(X, Y, Z, K)`.
        geometry: where it lies. If unmoved, sform, qform, codes and units are the source's own, bit for bit.
        metadata: of `as_metadata`.
    """
    source = geometry.source
    header = _header_of(source, array.shape)
    if not source or not geometry.unmoved:
        _set_affine(header, geometry)
    if array.ndim == 4:
        array = array.transpose(1, 2, 3, 0)  # (K, X, Y, Z) -> (X, Y, Z, K)
    elif source.get("trailing", 0) > 0:
        array = array.reshape(*array.shape, *(1,) * source["trailing"])  # as the source: (X, Y, Z, 1)
    header.set_data_dtype(array.dtype)
    header.set_slope_inter(1, 0)
    for name in ("cal_min", "cal_max", "intent_code", "intent_p1", "intent_p2", "intent_p3", "slice_code"):
        header[name] = 0  # these describe the source's intensities, and are not true of the array's
    header["intent_name"] = b""
    header["descrip"] = b"vessel segmentation" if source else b""
    header.extensions.clear()
    if metadata:
        text = json.dumps(metadata).encode("ascii")
        header.extensions.append(nib.nifti1.Nifti1Extension(_COMMENT, text))
    header["vox_offset"] = 0  # nibabel puts the voxels behind the extensions
    image_class: Any = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
    nib.save(image_class(array, None, header), path)  # given no affine, nibabel keeps the header's own numbers


def _header_of(source: Mapping[str, Any], shape: tuple[int, ...]) -> Any:
    if "header" in source:
        block = base64.b64decode(source["header"])
        return _HEADERS[len(block)](block, endianness=source["endianness"], check=False)
    return nib.Nifti2Header() if max(shape) > np.iinfo(np.int16).max else nib.Nifti1Header()


def _set_affine(header: Any, geometry: Geometry) -> None:
    names = {unit: name for name, unit in _UNITS.items()}
    unit = geometry.unit if geometry.unit in names else "mm"  # NIfTI knows three units
    affine = geometry.affine.copy()
    if geometry.unit:
        affine[:3] /= millimetres(unit)
        header.set_xyzt_units(names[unit])
    else:
        header.set_xyzt_units("unknown")
    code = int(header["sform_code"]) or int(header["qform_code"]) or 1
    header.set_sform(affine, code)
    header.set_qform(affine, code)
    # a qform cannot hold a shear, and one that contradicts the sform is worse than no qform
    if not np.allclose(header.get_qform(), affine, rtol=1e-4, atol=1e-5):
        header["qform_code"] = 0
