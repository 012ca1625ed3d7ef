"""TIFF in: ImageJ's stacks, OME-TIFF, BigTIFF and plain pages, returned as `(X, Y, Z)`.

Values are returned as `photometric.py` understands them; of a palette, the indices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from scripts.core import refuse, refuse_failures

from ..axes import VolumeAxes, choose_volume
from ..formats import check_content, check_level
from ..memory import check_memory
from ..metadata import parse_metadata
from ..volume import VolumeInfo
from . import geometry
from .dialect import dialect_of, ome_root
from .integrity import check_directories
from .library_warning import no_warning
from .ome import check_planes
from .pages import check_page_size, check_pages
from .photometric import Meaning, meaning_of
from .sets import check_set, open_tiff
from .stack import one_series, refuse_slice

REMEDY = "export it again as an uncompressed or LZW-compressed TIFF stack"


def read_tiff_header(path: Path, channel: int | str | None = None, level: int = 0) -> VolumeInfo:
    """Read and check all that a TIFF says about itself.

    Args:
        path: the file.
        channel: as in `read_header`.
        level: as in `read_header`.

    Raises:
        UserError: as `check_content`; also for a file that is damaged, cut short, contradicts itself, or is not one
            volume.
    """
    with checked(path, channel, "cannot be read as TIFF", level) as tiff:
        return tiff.info


def read_tiff(path: Path, channel: int | str | None = None, level: int = 0) -> tuple[VolumeInfo, np.ndarray]:
    """Read a TIFF: its header, and its voxels `(X, Y, Z)` in native byte order.

    The voxels are a transposed view of what is stored. Of several channels, only the pages of the chosen one are read.

    Args:
        path: the file.
        channel: as in `read_header`.
        level: as in `read_header`.

    Raises:
        UserError: as `read_tiff_header`; also for voxels that are larger than the memory, or cannot be decoded.
    """
    with checked(path, channel, "cannot be decoded", level) as tiff:
        alone = tiff.info.channel is not None and _lies_in_pages(tiff.series, tiff.axes)
        check_memory(path, max(tiff.info.nbytes, tiff.series.keyframe.nbytes, 0 if alone else tiff.series.nbytes))
        stored = tiff.axes.cut(_whole(path, tiff)) if tiff.info.channel is None else _one_channel(path, tiff)
        return tiff.info, tiff.meaning.apply(stored)


@dataclass
class CheckedTiff:
    """An open TIFF that holds one volume, and all that it says about itself.

    Attributes:
        tif: the open file.
        series: tifffile's series of pages, of the level that was chosen.
        info: its header.
        axes: which voxels are the volume.
        meaning: what their numbers mean.
    """

    tif: tifffile.TiffFile
    series: Any
    info: VolumeInfo
    axes: VolumeAxes
    meaning: Meaning


@contextmanager
def checked(path: Path, channel: int | str | None, problem: str, level: int = 0) -> Iterator[CheckedTiff]:
    """Open a TIFF and check all that it says about itself.

    Args:
        path: the file.
        channel: as in `read_header`.
        problem: what to say of a failure inside the block.
        level: as in `read_header`.

    Raises:
        UserError: as `read_tiff_header`.
    """
    directories = {path.resolve().name: check_directories(path, check_content(path))}
    with (
        refuse_failures(path, problem, REMEDY),
        no_warning(path),
        open_tiff(path) as tif,
    ):
        page, root = tif.pages.first, ome_root(path, tif)
        if root is not None:
            directories |= check_set(path, root)
            counts = {name: len(pages) for name, pages in directories.items()}
            check_planes(path, root, counts, (page.imagewidth, page.imagelength))
        dialect, tags = dialect_of(tif, root), geometry.resolution_tags(page)
        check_page_size(path, page)
        series = one_series(path, tif)
        if series.dtype is None or series.dtype.kind not in "buif":
            refuse(path, f"its voxels are {series.dtype}", "save real numbers (integers or floats)")
        check_pages(path, series, directories, dialect.images)
        refuse_slice(path, series)
        check_level(path, level, levels := len(series.levels))
        if level:
            series, finest = series.levels[level], series
            factors = _factors(finest, series)
            if dialect.unit:
                dialect.affine = dialect.affine @ np.diag([*factors, 1.0])
            dialect.source, tags = geometry.coarser(dialect.source, tags, factors)
        axes = choose_volume(path, series.axes, series.shape, channel)
        meaning = meaning_of(path, page, dialect.kind, dialect.description)
        source = {
            "kind": dialect.kind,
            "byteorder": tif.byteorder,
            "bigtiff": tif.is_bigtiff,
            "compression": getattr(page.compression, "name", str(page.compression)),
            **({"orientation": meaning.orientation} if meaning.orientation > 1 else {}),
            **tags,
            **dialect.source,
        }
        provenance, bounds = parse_metadata(dialect.text)
        info = VolumeInfo(
            path=path,
            kind=dialect.kind,
            shape=axes.shape,
            dtype=meaning.dtype,
            affine=dialect.affine,
            unit=dialect.unit,
            axes=series.axes,
            stored_shape=tuple(series.shape),
            channel=axes.channel,
            intensity_range=bounds,
            provenance=provenance,
            source=source,
            levels=levels,
            parts=tuple(path.resolve().with_name(name) for name in directories if name != path.resolve().name),
        )
        yield CheckedTiff(tif, series, info, axes, meaning)


def _factors(finest: Any, series: Any) -> list[float]:
    """Return how many voxels of the finest level one of a series has along X, Y and Z."""
    lengths = [dict(zip(each.axes, each.shape, strict=True)) for each in (finest, series)]
    # a side of odd length is halved either way, and the exact factor would then be another along each axis
    factors = [lengths[0].get(letter, 1) / lengths[1].get(letter, 1) for letter in "XYZ"]
    return [round(factor) if abs(factor - round(factor)) < factor / 20 else factor for factor in factors]


def _whole(path: Path, tiff: CheckedTiff) -> np.ndarray:
    stored = tiff.tif.asarray(series=tiff.series)
    if stored.shape != tuple(tiff.series.shape):
        refuse(path, f"it states the shape {tiff.series.shape} and holds {stored.shape}", REMEDY)
    return stored


def _lies_in_pages(series: Any, axes: VolumeAxes) -> bool:
    """Return whether a channel has pages of its own.

    It has none if all slices stand behind one page (ImageJ), or if channels are colours inside a page.
    """
    within = len(series.keyframe.shape)  # how many axes lie inside a page; the others run over pages
    inside = any(isinstance(at, int) for at in axes.index[-within:])
    return len(series.pages) == math.prod(series.shape[:-within]) and not inside


def _one_channel(path: Path, tiff: CheckedTiff) -> np.ndarray:
    series, axes = tiff.series, tiff.axes
    if not _lies_in_pages(series, axes):
        return np.ascontiguousarray(axes.cut(_whole(path, tiff)))  # (X, Y, Z)
    within = len(series.keyframe.shape)
    pages = np.arange(len(series.pages)).reshape(series.shape[:-within])[axes.index[:-within]]
    stored = tiff.tif.asarray(series=series, key=[int(page) for page in pages.ravel()])
    stored = stored.reshape(*pages.shape, *series.keyframe.shape)  # the file's axes without the channel
    return VolumeAxes((slice(None),) * stored.ndim, axes.order, axes.shape).cut(stored)  # (X, Y, Z)
