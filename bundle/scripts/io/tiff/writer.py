"""TIFF out: the dialect, byte order, unit and compression of the file it should resemble.

`(X, Y, Z)` is stored `ZYX`; `(K, X, Y, Z)` is stored `ZCYX` by ImageJ's rule, else `CZYX`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from scripts.io.formats import split_name
from scripts.io.units import in_unit
from scripts.io.volume import Geometry

logger = logging.getLogger(__name__)

# Above this, classic TIFF's 32-bit offsets end; the margin is for directories and metadata.
CLASSIC_LIMIT = 2**32 - 2**25
_LOSSLESS = {"NONE": None, "LZW": "lzw", "ZSTD": "zstd", "LZMA": "lzma", "PACKBITS": "packbits"}


def write_tiff(path: Path, array: np.ndarray, geometry: Geometry, notes: Mapping[str, Any]) -> None:
    """Write `array` to `path` (not atomically).

    Args:
        path: decides between OME-TIFF and ImageJ where there is no file to resemble.
        array: `(X, Y, Z)` or `(K, X, Y, Z)`, uint8, uint16 or float32.
        geometry: where it lies. TIFF can hold a voxel size; an orientation or origin is lost, with a warning.
        notes: of `notes.as_notes`.
    """
    source = geometry.source
    kind = source.get("kind") or ("ome" if ".ome." in split_name(path)[1].lower() else "imagej")
    big = bool(source.get("bigtiff")) or array.nbytes > CLASSIC_LIMIT
    if kind == "imagej" and big:
        kind = "tiff"  # ImageJ's format has no 64-bit offsets
    if not np.allclose(geometry.affine[:3, :3], np.diag(geometry.spacing)) or np.any(geometry.affine[:3, 3]):
        logger.warning("%s: TIFF holds the voxel size, not the orientation and origin of the volume", path)
    stored, axes = _stored(array, channel_last=kind == "imagej")
    metadata, tags = _DIALECTS[kind](geometry, notes, array)
    # the compression of photographs (JPEG and its like) would change a mask: deflate takes its place
    compression = _LOSSLESS.get(source.get("compression", "NONE"), "zlib")
    with tifffile.TiffWriter(
        path, bigtiff=big, byteorder=source.get("byteorder", "<"), imagej=kind == "imagej", ome=kind == "ome"
    ) as tif:
        tif.write(
            stored, photometric="minisblack", compression=compression, metadata={"axes": axes, **metadata}, **tags
        )


def _stored(array: np.ndarray, channel_last: bool) -> tuple[np.ndarray, str]:
    if array.ndim == 3:
        return array.transpose(2, 1, 0), "ZYX"  # (X, Y, Z) -> (Z, Y, X)
    stored = array.transpose(0, 3, 2, 1)  # (K, X, Y, Z) -> (K, Z, Y, X)
    return (stored.swapaxes(0, 1), "ZCYX") if channel_last else (stored, "CZYX")


def _original_tags(source: Mapping[str, Any]) -> dict[str, Any]:
    if "resolution" not in source:
        return {}
    return {
        "resolution": tuple(tuple(rational) for rational in source["resolution"]),
        "resolutionunit": source["resolutionunit"],
    }


def _imagej(geometry: Geometry, notes: Mapping[str, Any], array: np.ndarray) -> tuple[dict, dict]:
    source = geometry.source
    if source and (geometry.unmoved or not geometry.unit):
        metadata = {key: source[key] for key in ("spacing", "unit", "yunit", "zunit") if key in source}
        tags = _original_tags(source)
    else:
        metadata, tags = _spacing_and_tags(geometry)
    # an ImageJ description is ASCII: ImageJ itself spells the micro sign so
    metadata = {key: _ascii(value) for key, value in metadata.items()}
    top = max(1.0, float(array.max(initial=0)))  # without this a mask of 0 and 1 is shown black in black
    metadata |= {"min": 0.0, "max": top}
    if array.ndim == 4:
        metadata["Ranges"] = (0.0, top) * len(array)
    if notes:
        metadata["Info"] = json.dumps(notes)
    return metadata, tags


def _ome(geometry: Geometry, notes: Mapping[str, Any], array: np.ndarray) -> tuple[dict, dict]:
    metadata: dict[str, Any] = {}
    if geometry.source and (geometry.unmoved or not geometry.unit):
        metadata |= geometry.source.get("physical", {})
    elif geometry.unit:
        unit = geometry.unit if geometry.unit != "inch" else "in"
        for axis, size in zip("XYZ", geometry.spacing, strict=True):
            metadata[f"PhysicalSize{axis}"] = in_unit(size, geometry.unit)
            metadata[f"PhysicalSize{axis}Unit"] = unit
    if notes:
        metadata["Description"] = json.dumps(notes)
    return metadata, _original_tags(geometry.source) if geometry.unmoved else {}


def _plain(geometry: Geometry, notes: Mapping[str, Any], array: np.ndarray) -> tuple[dict, dict]:
    source = geometry.source
    if source and (geometry.unmoved or not geometry.unit):
        metadata, tags = {key: source[key] for key in ("spacing", "unit") if key in source}, _original_tags(source)
    else:
        metadata, tags = _spacing_and_tags(geometry)
    return {**metadata, **notes}, tags


_DIALECTS = {"imagej": _imagej, "ome": _ome, "tiff": _plain}


def _spacing_and_tags(geometry: Geometry) -> tuple[dict[str, Any], dict[str, Any]]:
    """Voxel depth and unit for a description, pixels per unit for the resolution tags."""
    if not geometry.unit:
        return {}, {}
    x, y, z = (in_unit(size, geometry.unit) for size in geometry.spacing)
    spelled = "um" if geometry.unit == "µm" else geometry.unit
    return {"spacing": z, "unit": spelled}, {"resolution": (1 / x, 1 / y), "resolutionunit": 1}


def _ascii(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "".join(sign if ord(sign) < 128 else f"\\u{ord(sign):04X}" for sign in value)
