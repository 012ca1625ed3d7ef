"""A stack that was written page by page, and a single page that is none."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import tifffile

from scripts.core import refuse

REMEDY = "join the slices into one stack (Fiji: File > Import > Image Sequence, then File > Save As > Tiff)"


def one_series(path: Path, tif: tifffile.TiffFile) -> Any:
    """Return the one image of a TIFF as tifffile's series of pages.

    A program that writes page by page makes an image of each page. Equal ones in a row, `(Y, X)` or in colour
    `(Y, X, S)`, are one stack.

    Args:
        path: the file, for messages.
        tif: the open file.

    Raises:
        UserError: for several images that are not such pages.
    """
    found = tif.series
    if len(found) > 1 and _are_slices(found):
        pages = [series.pages[0] for series in found]
        first = found[0].keyframe
        return tifffile.TiffPageSeries(pages, (len(pages), *first.shape), first.dtype, f"Z{first.axes}", parent=tif)
    if len(found) != 1:
        shapes = ", ".join(f"{one.axes} {one.shape}" for one in found[:4]) + (", ..." if len(found) > 4 else "")
        refuse(path, f"it holds {len(found)} images and not one ({shapes})", "save the volume alone")
    return found[0]


def refuse_slice(path: Path, series: Any) -> None:
    """Refuse a single slice, and say how several become a stack.

    Args:
        path: the file, for messages.
        series: of `one_series`, its pages already checked.
    """
    if _is_slice(series) and series.keyframe.axes == "YX":
        shape = series.keyframe.shape
        refuse(path, f"it is a single slice, (Y, X) = {shape}", join_remedy(path.parent, path.suffix))


def join_remedy(folder: Path, suffix: str) -> str:
    """Say how the slices in a folder, files of a suffix, become one stack."""
    slices = f"{folder.as_posix()}/*{suffix}"
    script = f"from tifffile import *; imwrite('stack.tif', imread('{slices}'), photometric='minisblack')"
    return f'{REMEDY}, or python -c "{script}"'


def _is_slice(series: Any) -> bool:
    page = series.keyframe
    return bool(
        page.axes in ("YX", "YXS") and len(series.levels) == 1 and math.prod(series.shape) == math.prod(page.shape)
    )


def _are_slices(found: list[Any]) -> bool:
    kinds = {(series.keyframe.shape, series.dtype) for series in found}
    return len(kinds) == 1 and all(_is_slice(series) for series in found)
