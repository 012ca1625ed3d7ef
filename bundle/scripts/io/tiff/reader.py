"""TIFF in: ImageJ hyperstacks, OME-TIFF, BigTIFF and plain pages, stored `(Z, Y, X)` and returned `(X, Y, Z)`.

Values are returned as stored: the indices of a palette, and the raw numbers under an inverting look-up table
(ImageJ stores a mask 255 that it shows in black as 255).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from scripts.core import refuse, refuse_failures
from scripts.io.axes import VolumeAxes, choose_volume
from scripts.io.formats import check_content
from scripts.io.metadata import parse_notes
from scripts.io.volume import VolumeInfo

from . import geometry
from .integrity import check_directories, check_segments

_CURE = "export it again as an uncompressed or LZW-compressed TIFF stack"


def read_tiff_header(path: Path, channel: int | None = None) -> VolumeInfo:
    """All that a TIFF's metadata says, checked.

    Raises:
        UserError: as `check_content`.
        UserError: the file is damaged, cut short, or not one volume.
    """
    size = check_content(path)
    check_directories(path, size)
    with refuse_failures(path, "cannot be read as TIFF", _CURE), tifffile.TiffFile(path) as tif:
        return _describe(path, tif, channel)[0]


def read_tiff(path: Path, channel: int | None = None) -> tuple[VolumeInfo, np.ndarray]:
    """The header and the voxels `(X, Y, Z)`, a transposed view in native byte order.

    Of several channels, only the pages of the chosen one are read.

    Raises:
        UserError: as `read_tiff_header`; also where the voxels cannot be decoded.
    """
    size = check_content(path)
    check_directories(path, size)
    with refuse_failures(path, "cannot be decoded", _CURE), tifffile.TiffFile(path) as tif:
        info, axes = _describe(path, tif, channel)
        voxels = axes.cut(tif.series[0].asarray()) if info.channel is None else _one_channel(tif, axes)
        return info, voxels.astype(voxels.dtype.newbyteorder("="), copy=False)


def _one_channel(tif: tifffile.TiffFile, axes: VolumeAxes) -> np.ndarray:
    series = tif.series[0]
    within = len(series.keyframe.shape)  # axes inside a page, the others run over pages
    over = series.shape[:-within]
    if len(series.pages) != np.prod(over, dtype=int) or any(isinstance(at, int) for at in axes.index[-within:]):
        return np.ascontiguousarray(axes.cut(series.asarray()))  # ImageJ's files of one page; colours in a page
    pages = np.arange(len(series.pages)).reshape(over)[axes.index[:-within]]
    stored = tif.asarray(series=0, key=[int(page) for page in pages.ravel()])
    stored = stored.reshape(*pages.shape, *series.keyframe.shape)
    return VolumeAxes((slice(None),) * stored.ndim, axes.order, axes.shape).cut(stored)


@dataclass
class _Dialect:
    """What one of the three dialects of TIFF says."""

    kind: str
    affine: np.ndarray
    unit: str
    notes: object
    source: dict[str, Any]


def _describe(path: Path, tif: tifffile.TiffFile, channel: int | None) -> tuple[VolumeInfo, VolumeAxes]:
    dialect = _dialect(tif)
    series = tif.series
    if len(series) != 1:
        shapes = ", ".join(f"{one.axes} {one.shape}" for one in series[:4]) + (", ..." if len(series) > 4 else "")
        refuse(path, f"it holds {len(series)} images and not one ({shapes})", "save the volume alone")
    one, page = series[0], tif.pages.first
    _check_whole(path, tif, one, dialect.kind)
    if one.dtype is None or one.dtype.kind not in "buif":
        refuse(path, f"its voxels are {one.dtype}", "save real numbers (integers or floats)")
    axes = choose_volume(path, one.axes, one.shape, channel)
    source = {
        "kind": dialect.kind,
        "byteorder": tif.byteorder,
        "bigtiff": tif.is_bigtiff,
        "compression": getattr(page.compression, "name", str(page.compression)),
        **geometry.resolution_tags(page),
        **dialect.source,
    }
    provenance, bounds = parse_notes(dialect.notes)
    info = VolumeInfo(
        path=path,
        kind=dialect.kind,
        shape=axes.shape,
        dtype=one.dtype.newbyteorder("="),
        affine=dialect.affine,
        unit=dialect.unit,
        axes=one.axes,
        stored_shape=tuple(one.shape),
        channel=channel if math.prod(axes.shape) < math.prod(one.shape) else None,
        intensity_range=bounds,
        provenance=provenance,
        source=source,
    )
    return info, axes


def _dialect(tif: tifffile.TiffFile) -> _Dialect:
    tags = geometry.resolution_tags(tif.pages.first)
    pixels = geometry.ome_pixels(tif.ome_metadata) if tif.is_ome else None
    if pixels is not None:
        affine, unit = geometry.ome_voxels(pixels)
        return _Dialect("ome", affine, unit, geometry.ome_description(tif.ome_metadata), {"physical": pixels})
    if tif.is_imagej:
        metadata = tif.imagej_metadata or {}
        affine, unit = geometry.imagej_voxels(metadata, tags)
        kept = {key: metadata[key] for key in ("spacing", "unit", "yunit", "zunit") if key in metadata}
        return _Dialect("imagej", affine, unit, metadata.get("Info"), kept)
    try:
        description = json.loads(tif.pages.first.shaped_description or "{}")
    except ValueError:
        description = {}
    affine, unit = geometry.shaped_voxels(description, tags)
    kept = {key: description[key] for key in ("spacing", "unit") if key in description}
    return _Dialect("tiff", affine, unit, description, kept)


def _check_whole(path: Path, tif: tifffile.TiffFile, series: Any, kind: str) -> None:
    """Hold what the description promises against the pages that are there."""
    check_segments(path, series.pages)
    if series.dataoffset is not None and series.dataoffset + series.nbytes > tif.filehandle.size:
        refuse(path, "the TIFF is cut short, its voxels end behind it", "copy or export it again")
    slices = math.prod(series.shape) // max(1, math.prod(series.keyframe.shape))
    # ImageJ writes stacks above 4 GB, and others that it can, as one page with all slices behind it
    there = slices if len(series.pages) == 1 and series.dataoffset is not None else len(series.pages)
    promised = max(slices, (tif.imagej_metadata or {}).get("images", 1) if kind == "imagej" else 1)
    if there < promised:
        refuse(path, f"its description promises {promised} slices, {there} are there", "copy or export it again")
