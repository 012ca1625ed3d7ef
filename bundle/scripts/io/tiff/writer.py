"""TIFF out, in the dialect, byte order, unit and compression of the file to resemble.

`(X, Y, Z)` is stored `ZYX`; `(K, X, Y, Z)` is stored `ZCYX` by ImageJ's rule, else `CZYX`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from ..formats import split_name
from ..units import in_unit
from ..volume import Geometry, Slabs
from .photometric import ORIENTATION, mirrored

logger = logging.getLogger(__name__)

MAX_CLASSIC = 2**32 - 2**25  # bytes of voxels that 32-bit offsets reach, less a margin for directories and metadata
_Fields = tuple[dict[str, Any], dict[str, Any]]  # of the description, and of the resolution tags
_LOSSLESS = {"NONE": None, "LZW": "lzw", "ZSTD": "zstd", "LZMA": "lzma", "PACKBITS": "packbits"}


def write_tiff(path: Path, array: np.ndarray, geometry: Geometry, metadata: Mapping[str, Any]) -> None:
    """Write an array to a file, not atomically.

    Args:
        path: its suffix decides between OME's and ImageJ's dialect where there is no file to resemble.
        array: `(X, Y, Z)` or `(K, X, Y, Z)`, uint8, uint16 or float32.
        geometry: where it lies. TIFF holds its voxel size; an orientation or an origin is lost, with a warning.
        metadata: of `as_metadata`.
    """
    top = max(1.0, float(array.max(initial=0)))  # without it ImageJ shows a mask of 0 and 1 black in black
    lead = len(array) if array.ndim == 4 else 0
    with _open(path, geometry, metadata, array.nbytes, top, lead) as (tif, kind, options):
        oriented = mirrored(array, geometry.source.get("orientation", 1))
        stored, axes = _stored(oriented, channel_last=kind == "imagej")
        tif.write(stored, **{**options, "metadata": {"axes": axes, **options["metadata"]}})


def stream_tiff(path: Path, slabs: Slabs, geometry: Geometry, metadata: Mapping[str, Any]) -> None:
    """Write voxels slab by slab to a file, not atomically.

    Args:
        path: as in `write_tiff`.
        slabs: the voxels.
        geometry: as in `write_tiff`.
        metadata: of `as_metadata`.
    """
    # what ImageJ is to show as white; of images it is left to find it
    top = 1.0 if slabs.dtype.kind == "f" or "provenance" in metadata else None
    with _open(path, geometry, metadata, slabs.nbytes, top, slabs.channels) as (tif, kind, options):
        channel_last = kind == "imagej"
        # of no voxels, only to learn the axes and their lengths
        stored, axes = _stored(np.broadcast_to(np.zeros((), slabs.dtype), slabs.shape), channel_last)
        tif.write(
            _pages(slabs, geometry.source.get("orientation", 1), channel_last),
            shape=stored.shape,
            dtype=slabs.dtype,
            **{**options, "metadata": {"axes": axes, **options["metadata"]}},
        )


def _pages(slabs: Slabs, orientation: int, channel_last: bool) -> Iterator[np.ndarray]:
    """Yield the planes `(Y, X)` as they are stored."""
    for slab in slabs.planes() if channel_last else slabs.volumes():
        stored, _ = _stored(mirrored(slab, orientation), channel_last)
        yield from (np.ascontiguousarray(plane) for plane in stored.reshape(-1, *stored.shape[-2:]))


@contextmanager
def _open(
    path: Path, geometry: Geometry, metadata: Mapping[str, Any], nbytes: int, top: float | None, lead: int
) -> Iterator[tuple[tifffile.TiffWriter, str, dict[str, Any]]]:
    """Yield tifffile's writer of a new file, its dialect, and how to write into it."""
    source = geometry.source
    kind = source.get("kind") or ("ome" if ".ome." in split_name(path)[1].lower() else "imagej")
    big = bool(source.get("bigtiff")) or nbytes > MAX_CLASSIC
    if kind == "imagej" and big:
        kind = "tiff"  # ImageJ's format has no 64-bit offsets
    if not np.allclose(geometry.affine[:3, :3], np.diag(geometry.voxel_size)) or np.any(geometry.affine[:3, 3]):
        logger.warning("%s: TIFF holds the voxel size, not the orientation and origin of the volume", path)
    description, tags = _DIALECTS[kind](geometry, metadata)
    if kind == "imagej" and top is not None:
        description |= {"min": 0.0, "max": top, **({"Ranges": (0.0, top) * lead} if lead else {})}
    if (orientation := source.get("orientation", 1)) > 1:
        tags = {**tags, "extratags": [(ORIENTATION, "H", 1, orientation, False)]}
    # JPEG and its like would change a mask: deflate takes their place
    compression = _LOSSLESS.get(source.get("compression", "NONE"), "zlib")
    with tifffile.TiffWriter(
        path, bigtiff=big, byteorder=source.get("byteorder", "<"), imagej=kind == "imagej", ome=kind == "ome"
    ) as tif:
        yield tif, kind, {"photometric": "minisblack", "compression": compression, "metadata": description, **tags}


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


def _imagej(geometry: Geometry, metadata: Mapping[str, Any]) -> _Fields:
    source = geometry.source
    if source and (geometry.unmoved or not geometry.unit):
        description = {key: source[key] for key in ("spacing", "unit", "yunit", "zunit") if key in source}
        tags = _original_tags(source)
    else:
        description, tags = _spacing_and_tags(geometry)
    # ImageJ's description is ASCII, and ImageJ itself spells the micro sign this way
    description = {key: _ascii(value) for key, value in description.items()}
    if metadata:
        description["Info"] = json.dumps(metadata)
    return description, tags


def _ome(geometry: Geometry, metadata: Mapping[str, Any]) -> _Fields:
    description: dict[str, Any] = {}
    if geometry.source and (geometry.unmoved or not geometry.unit):
        description |= geometry.source.get("physical", {})
    elif geometry.unit:
        unit = geometry.unit if geometry.unit != "inch" else "in"
        for axis, size in zip("XYZ", geometry.voxel_size, strict=True):
            description[f"PhysicalSize{axis}"] = in_unit(size, geometry.unit)
            description[f"PhysicalSize{axis}Unit"] = unit
    if metadata:
        description["Description"] = json.dumps(metadata)
    return description, _original_tags(geometry.source) if geometry.unmoved else {}


def _plain(geometry: Geometry, metadata: Mapping[str, Any]) -> _Fields:
    source = geometry.source
    # of ImageJ's own numbers some may be left out, or be in units of their own
    if source and (not geometry.unit or (geometry.unmoved and source.get("kind") == "tiff")):
        description, tags = {key: source[key] for key in ("spacing", "unit") if key in source}, _original_tags(source)
    else:
        description, tags = _spacing_and_tags(geometry)
    return {**description, **metadata}, tags


_DIALECTS = {"imagej": _imagej, "ome": _ome, "tiff": _plain}


def _spacing_and_tags(geometry: Geometry) -> _Fields:
    """Return a description with the slice distance and the unit, and the resolution tags."""
    if not geometry.unit:
        return {}, {}
    x, y, z = (in_unit(size, geometry.unit) for size in geometry.voxel_size)
    spelled = "um" if geometry.unit == "µm" else geometry.unit
    return {"spacing": z, "unit": spelled}, {"resolution": (1 / x, 1 / y), "resolutionunit": 1}


def _ascii(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "".join(sign if ord(sign) < 128 else f"\\u{ord(sign):04X}" for sign in value)
