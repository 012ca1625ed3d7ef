"""TIFF in: ImageJ's stacks, OME-TIFF, BigTIFF and plain pages, returned as `(X, Y, Z)`.

Values are returned as stored: the indices into a palette, and the raw numbers where a look-up table inverts how they
are shown (a mask that ImageJ draws in black is 255 in the file, and is returned as 255).
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

from ..axes import VolumeAxes, choose_volume
from ..formats import check_content
from ..metadata import parse_metadata
from ..volume import VolumeInfo
from . import geometry
from .integrity import check_directories, check_segments

_REMEDY = "export it again as an uncompressed or LZW-compressed TIFF stack"


def read_tiff_header(path: Path, channel: int | None = None) -> VolumeInfo:
    """Read and check all that a TIFF says about itself.

    Args:
        path: the file.
        channel: as in `read_header`.

    Raises:
        UserError: as `check_content`; also for a file that is damaged, cut short, or not one volume.
    """
    size = check_content(path)
    check_directories(path, size)
    with refuse_failures(path, "cannot be read as TIFF", _REMEDY), tifffile.TiffFile(path) as tif:
        return _describe(path, tif, channel)[0]


def read_tiff(path: Path, channel: int | None = None) -> tuple[VolumeInfo, np.ndarray]:
    """Read a TIFF: its header, and its voxels `(X, Y, Z)` in native byte order.

    The voxels are a transposed view of what is stored. Of several channels, only the pages of the chosen one are read.

    Args:
        path: the file.
        channel: as in `read_header`.

    Raises:
        UserError: as `read_tiff_header`; also for voxels that cannot be decoded.
    """
    size = check_content(path)
    check_directories(path, size)
    with refuse_failures(path, "cannot be decoded", _REMEDY), tifffile.TiffFile(path) as tif:
        info, axes = _describe(path, tif, channel)
        voxels = axes.cut(tif.series[0].asarray()) if info.channel is None else _one_channel(tif, axes)
        return info, voxels.astype(voxels.dtype.newbyteorder("="), copy=False)


def _one_channel(tif: tifffile.TiffFile, axes: VolumeAxes) -> np.ndarray:
    series = tif.series[0]
    within = len(series.keyframe.shape)  # how many axes lie inside a page; the others run over pages
    over = series.shape[:-within]
    if len(series.pages) != np.prod(over, dtype=int) or any(isinstance(at, int) for at in axes.index[-within:]):
        # all slices stand behind one page (ImageJ), or the channels are colours inside a page
        return np.ascontiguousarray(axes.cut(series.asarray()))  # (X, Y, Z)
    pages = np.arange(len(series.pages)).reshape(over)[axes.index[:-within]]
    stored = tif.asarray(series=0, key=[int(page) for page in pages.ravel()])
    stored = stored.reshape(*pages.shape, *series.keyframe.shape)  # the file's axes without the channel
    return VolumeAxes((slice(None),) * stored.ndim, axes.order, axes.shape).cut(stored)  # (X, Y, Z)


@dataclass
class _Dialect:
    """What a TIFF says about itself in its dialect.

    Attributes:
        kind: `imagej`, `ome` or `tiff`.
        affine: as in `VolumeInfo`.
        unit: as in `VolumeInfo`.
        text: what stands in the place of `metadata.py`'s JSON object: its text, or tifffile's parsed description.
        source: what a writer of this dialect repeats.
    """

    kind: str
    affine: np.ndarray
    unit: str
    text: object
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
    provenance, bounds = parse_metadata(dialect.text)
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
        description: dict[str, Any] = {**(tif.imagej_metadata or {})}
        affine, unit = geometry.imagej_voxels(description, tags)
        kept = ("spacing", "unit", "yunit", "zunit")
        return _Dialect("imagej", affine, unit, description.get("Info"), _subset(description, kept))
    try:
        description = json.loads(tif.pages.first.shaped_description or "{}")
    except ValueError:
        description = {}
    affine, unit = geometry.shaped_voxels(description, tags)
    return _Dialect("tiff", affine, unit, description, _subset(description, ("spacing", "unit")))


def _subset(description: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: description[key] for key in keys if key in description}


def _check_whole(path: Path, tif: tifffile.TiffFile, series: Any, kind: str) -> None:
    """Compare what the description promises with the pages that are there."""
    check_segments(path, series.pages)
    if series.dataoffset is not None and series.dataoffset + series.nbytes > tif.filehandle.size:
        refuse(path, "the TIFF is cut short, its voxels end after the end of the file", "copy or export it again")
    slices = math.prod(series.shape) // max(1, math.prod(series.keyframe.shape))
    # ImageJ writes stacks above 4 GB (and may write others) as one page with all slices behind it
    there = slices if len(series.pages) == 1 and series.dataoffset is not None else len(series.pages)
    promised = max(slices, (tif.imagej_metadata or {}).get("images", 1) if kind == "imagej" else 1)
    if there < promised:
        refuse(path, f"its description promises {promised} slices, {there} are there", "copy or export it again")
