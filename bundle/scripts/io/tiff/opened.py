"""A TIFF whose voxels are read box by box: mapped, or through tifffile's Zarr view."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse_failures

from ..memory import check_memory
from ..opened import StoredVolume, Volume
from .dialect import ome_root
from .library_warning import no_warning
from .photometric import is_mirrored
from .reader import REMEDY, CheckedTiff, checked
from .sets import open_tiff
from .stack import one_series


def open_tiff_volume(path: Path, channel: int | str | None = None, level: int = 0) -> Volume:
    """Open a TIFF: mapped if its voxels lie in a row, else decoded by strips or tiles.

    Args:
        path: the file.
        channel: as in `read_header`.
        level: as in `read_header`.

    Raises:
        UserError: as `read_tiff_header`; also for a strip or tile that is larger than the memory.
    """
    with checked(path, channel, "cannot be read as TIFF", level) as tiff:
        stored = _mapped(tiff)
        info, axes, meaning = tiff.info, tiff.axes, tiff.meaning
    closing = None
    if stored is None:
        stored, closing = _zarr_view(path, level)
        check_memory(path, math.prod(stored.chunks) * stored.dtype.itemsize)
    return StoredVolume(
        info,
        stored,
        axes,
        (open_tiff_volume, (path, channel, level)),
        values=meaning.values,
        mirrored=is_mirrored(meaning.orientation),
        closing=closing,
        name_of=lambda place: f"strip or tile {'.'.join(map(str, place))}",
    )


def _mapped(tiff: CheckedTiff) -> np.ndarray | None:
    """Map the voxels into memory if they lie in one file, in a row and as they are in memory."""
    series = tiff.series
    if series.dataoffset is None or series.is_multifile:
        return None
    parent = series.keyframe.parent
    dtype = np.dtype(f"{parent.byteorder}{series.dtype.char}")
    return np.memmap(parent.filehandle.path, dtype, "r", series.dataoffset, series.shape)


def _zarr_view(path: Path, level: int) -> tuple[Any, Any]:
    """Return a Zarr array of what is stored, and what closes the file."""
    import zarr

    with refuse_failures(path, "cannot be decoded", REMEDY), no_warning(path):
        tif = open_tiff(path)
        try:
            ome_root(path, tif)  # takes out the names that the file once had
            series = one_series(path, tif).levels[level]
            return zarr.open_array(series.aszarr(level=0), mode="r"), tif.close
        except BaseException:
            tif.close()
            raise
