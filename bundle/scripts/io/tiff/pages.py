"""What a TIFF states, held against the pages that are there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from scripts.core import refuse

from .integrity import LAYOUT_NAMES, Layout, check_segments, count_text

_REMEDY = "copy or export it again"
_MAX_PACKED = 50_000  # compression factor: zstd's of zeros is 43,000, deflate's 1,032
_MAX_TILE = 2**26  # bytes of a tile, which may be larger than the image; programs use up to 2**24

Segments = tuple[tuple[int, ...], tuple[int, ...]]  # where the strips or tiles of a page begin, and their bytes


def check_page_size(path: Path, page: Any) -> None:
    """Check the size that the first page of a TIFF states, before any is decoded.

    Args:
        path: the file, for messages.
        page: tifffile's first page.

    Raises:
        UserError: for a page of no size, and for one, or a tile, that is larger than the file can hold.
    """
    if page.dtype is None or not math.prod(page.shape):
        refuse(path, f"its pages have the shape {page.shape} and {page.bitspersample} bits a voxel", _REMEDY)
    itemsize = page.dtype.itemsize * page.samplesperpixel
    if page.is_tiled and page.tilewidth * page.tilelength * page.tiledepth * itemsize > max(_MAX_TILE, 4 * page.nbytes):
        refuse(path, f"its tiles of {page.tilewidth} x {page.tilelength} are larger than the image", _REMEDY)
    size = page.parent.filehandle.size
    if page.nbytes > _MAX_PACKED * size:
        refuse(path, f"a page takes {page.nbytes / 1e9:.1f} GB of memory, of {size / 1e6:.2g} MB in the file", _REMEDY)


def check_pages(path: Path, series: Any, directories: Mapping[str, Mapping[int, Layout]], images: int | None) -> None:
    """Compare the image that a TIFF states with the pages that are there.

    Args:
        path: the file, for messages.
        series: tifffile's series, the one image of the file.
        directories: of `check_directories`, of each file of the set, by its name.
        images: how many pages ImageJ's description promises, or None where it says nothing.

    Raises:
        UserError: where pages are missing or left over, cut short, or not stored alike.
    """
    there = sum(map(len, directories.values()))
    size = sum((path.resolve().parent / name).stat().st_size for name in directories)
    if series.nbytes > _MAX_PACKED * size:
        problem = f"its voxels take {series.nbytes / 1e9:.1f} GB of memory, of {size / 1e6:.2g} MB in the file"
        refuse(path, problem, _REMEDY)
    slices = math.prod(series.shape) // math.prod(series.keyframe.shape)
    # ImageJ writes stacks above 4 GB (and may write others) as one page with all slices behind it
    if there == 1 and series.dataoffset is not None:
        if series.dataoffset + series.nbytes > series.keyframe.parent.filehandle.size:
            refuse(path, "the TIFF is cut short, its voxels end after the end of the file", _REMEDY)
        there = slices
    elif slices > there:
        _refuse_slices(path, slices, there)
    if images is not None and images != there:
        _refuse_slices(path, images, there)
    used: dict[tuple[str, int], Layout] = {}
    for level in series.levels:  # a pyramid's smaller images may be pages, too
        layouts: dict[tuple[str, int], Layout] = {}
        segments: list[Segments] = []
        noted = _noted(level.pages, directories, layouts, segments)
        check_segments(path, noted, slices if len(level.pages) == 1 else 1)
        _refuse_unlike(path, list(layouts.values()))
        used |= layouts
        if level is series and series.dataoffset is not None and len(segments) > 1:
            _check_in_a_row(path, series.dataoffset, segments)
    left = sum((name, offset) not in used for name, pages in directories.items() for offset in pages)
    if left or (len(series.pages) != slices and there != slices):
        _refuse_slices(path, slices, there)


def _noted(
    pages: Iterable[Any],
    directories: Mapping[str, Mapping[int, Layout]],
    layouts: dict[tuple[str, int], Layout],
    segments: list[Segments],
) -> Iterator[Any]:
    """Yield each page, and note its place, layout and segments once it has been checked.

    tifffile decodes a page anew whenever it is asked for, and so it is asked once.
    """
    for page in pages:
        yield page
        layouts[_place(page)] = _layout(page, directories)
        segments.append((page.dataoffsets, page.databytecounts))


def _check_in_a_row(path: Path, at: int, segments: Iterable[Segments]) -> None:
    """Check that pages follow one another from byte `at`, as tifffile reads them at one go."""
    for number, (offsets, counts) in enumerate(segments):
        for offset, count in zip(offsets, counts, strict=True):
            if offset != at:
                refuse(path, f"page {number} does not lie behind page {number - 1}, as page 0 says", "export it again")
            at += count


def _place(page: Any) -> tuple[str, int]:
    return page.parent.filehandle.name, page.offset


def _layout(page: Any, directories: Mapping[str, Mapping[int, Layout]]) -> Layout:
    name, offset = _place(page)
    return directories.get(name, {}).get(offset, ())  # none of a page that is another's (SubIFD)


def _refuse_unlike(path: Path, layouts: list[Layout]) -> None:
    for number, layout in enumerate(layouts):
        if layout != layouts[0]:
            differ = [name for name, a, b in zip(LAYOUT_NAMES, layout, layouts[0], strict=True) if a != b]
            refuse(path, f"page {number} is not stored like page 0, in {' and '.join(differ)}", "export it again")


def _refuse_slices(path: Path, promised: int, there: int) -> NoReturn:
    problem = f"its description promises {count_text(promised)} slices, {there} pages are there"
    refuse(path, problem, "export it again, from the whole volume")
