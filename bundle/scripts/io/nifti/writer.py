"""NIfTI out: affine, codes and units of the source bit for bit, if on its voxels."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from ..units import millimetres
from ..volume import Geometry, Slabs
from .header import COMMENT, HEADERS

_GZIP_LEVEL = 1  # as nibabel's: more takes three times as long and gains a tenth
_UNIT_NAMES = {"m": "meter", "mm": "mm", "µm": "micron"}  # nibabel's


def write_nifti(path: Path, array: np.ndarray, geometry: Geometry, metadata: Mapping[str, Any]) -> None:
    """Write an array to a file, not atomically; compressed if its name ends in `.gz`.

    Args:
        path: ends in `.nii` or `.nii.gz`.
        array: `(X, Y, Z)`, or `(K, X, Y, Z)` which is stored `(X, Y, Z, K)`.
        geometry: where it lies. If unmoved, sform, qform, codes and units are the source's own, bit for bit.
        metadata: of `as_metadata`.
    """
    if array.ndim == 4:
        array = array.transpose(1, 2, 3, 0)  # (K, X, Y, Z) -> (X, Y, Z, K)
    elif (trailing := geometry.source.get("trailing", 0)) > 0:
        array = array.reshape(*array.shape, *(1,) * trailing)  # as the source: (X, Y, Z, 1)
    header = _header(array.shape, array.dtype, geometry, metadata)
    image_class: Any = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
    nib.save(image_class(array, None, header), path)  # given no affine, nibabel keeps the header's own numbers


def stream_nifti(path: Path, slabs: Slabs, geometry: Geometry, metadata: Mapping[str, Any]) -> None:
    """Write voxels slab by slab to a file, not atomically; compressed if its name ends in `.gz`.

    Args:
        path: ends in `.nii` or `.nii.gz`.
        slabs: the voxels.
        geometry: as in `write_nifti`.
        metadata: of `as_metadata`.
    """
    further = (slabs.channels,) if slabs.channels else (1,) * geometry.source.get("trailing", 0)
    shape = (*slabs.shape[-3:], *further)
    header = _header(shape, slabs.dtype, geometry, metadata)
    header.set_data_shape(shape)
    with path.open("wb") as plain, ExitStack() as stack:
        file: Any = plain
        if path.suffix.lower() == ".gz":
            file = stack.enter_context(gzip.GzipFile("", "wb", _GZIP_LEVEL, plain, mtime=0))
        header.write_to(file)  # with the extensions, and where the voxels begin
        file.write(bytes(int(header["vox_offset"]) - file.tell()))
        dtype = np.dtype(f"{header.endianness}{slabs.dtype.str[1:]}")
        for slab in slabs.volumes():
            file.write(slab.astype(dtype, copy=False).tobytes(order="F"))


def _header(shape: Sequence[int], dtype: np.dtype, geometry: Geometry, metadata: Mapping[str, Any]) -> Any:
    """Return nibabel's header of an array that is stored so."""
    source = geometry.source
    header = _header_of(source, tuple(shape))
    if not source or not geometry.unmoved:
        _set_affine(header, geometry)
    header.set_data_dtype(dtype)
    header.set_slope_inter(1, 0)
    for name in ("cal_min", "cal_max", "intent_code", "intent_p1", "intent_p2", "intent_p3", "slice_code"):
        header[name] = 0  # these describe the source's intensities, and are not true of the array's
    header["intent_name"] = b""
    header["descrip"] = b"vessel segmentation" if source else b""
    header.extensions.clear()
    if metadata:
        text = json.dumps(metadata).encode("ascii")
        header.extensions.append(nib.nifti1.Nifti1Extension(COMMENT, text))
    header["vox_offset"] = 0  # nibabel puts the voxels behind the extensions
    return header


def _header_of(source: Mapping[str, Any], shape: tuple[int, ...]) -> Any:
    if "header" in source:
        block = base64.b64decode(source["header"])
        return HEADERS[len(block)](block, endianness=source["endianness"], check=False)
    return nib.Nifti2Header() if max(shape) > np.iinfo(np.int16).max else nib.Nifti1Header()


def _set_affine(header: Any, geometry: Geometry) -> None:
    unit = geometry.unit if geometry.unit in _UNIT_NAMES else "mm"  # NIfTI knows three units
    affine = geometry.affine.copy()
    if geometry.unit:
        affine[:3] /= millimetres(unit)
        header.set_xyzt_units(_UNIT_NAMES[unit])
    else:
        header.set_xyzt_units("unknown")
    code = int(header["sform_code"]) or int(header["qform_code"]) or 1
    header.set_sform(affine, code)
    header.set_qform(affine, code)
    # a qform cannot hold a shear, and one that contradicts the sform is worse than no qform
    if not np.allclose(header.get_qform(), affine, rtol=1e-4, atol=1e-5):
        header["qform_code"] = 0
