"""A stack that was written page by page, and a single page that is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from scripts.core import check_regular, refuse, refuse_failures

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


def read_slices(files: Sequence[Path]) -> np.ndarray:
    """Read single slices, one a file, as one volume.

    Args:
        files: TIFFs `(Y, X)`, in the order of Z.

    Returns:
        `(X, Y, Z)`.

    Raises:
        UserError: for a file that is missing, damaged or no single slice, or of another shape or type than the first.
    """
    pages: list[np.ndarray] = []
    for file in files:
        check_regular(file, "check the path")
        with refuse_failures(file, "cannot be decoded", "download or export it again"):
            page = tifffile.imread(file)
        first = pages[0] if pages else page
        if page.ndim != 2 or (page.shape, page.dtype) != (first.shape, first.dtype):
            problem = f"holds {page.dtype} {page.shape}, and not a slice (Y, X) like {files[0].name}"
            refuse(file, problem, "export the slices alike")
        pages.append(page)
    return np.stack(pages, axis=-1).transpose(1, 0, 2)  # (X, Y, Z)


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
