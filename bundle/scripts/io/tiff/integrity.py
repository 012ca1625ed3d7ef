"""Check that a TIFF is whole, before a library believes what it says.

A library that meets a file cut short may only log that, return zeros or leave pages out; here it is an error.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from scripts.core import refuse

_REMEDY = "copy or export it again"

# The tags by which voxels are decoded, with what holds where one is left out. A library reads them from the first page
# of a stack and takes the others for alike.
_LAYOUT = {256: 0, 257: 0, 258: 1, 259: 1, 262: 0, 266: 1, 274: 1, 277: 1, 284: 1, 317: 1, 322: 0, 323: 0, 339: 1}
LAYOUT_NAMES: tuple[str, ...] = (
    "width",
    "height",
    "bits",
    "compression",
    "photometric interpretation",
    "bit order",
    "orientation",
)
LAYOUT_NAMES += ("samples", "planes", "predictor", "tile width", "tile height", "sample format")  # in the same order
# bytes of one value, by the type of a tag; the letter of `struct` for those that count
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_LETTERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
MAX_SHARED = 16  # values may stand in a file once and be named by several pages, but no more than this on average

Layout = tuple[int, ...]


def _refuse_truncated(path: Path, what: str) -> NoReturn:
    refuse(path, f"the TIFF is cut short, {what}", _REMEDY)


def check_directories(path: Path, size: int, most: int | None = None) -> dict[int, Layout]:
    """Follow the chain of image directories (IFDs) of a TIFF to its end.

    No library is used: one that meets a fault may stop there and take what came before for the whole.

    Args:
        path: a file that begins as a TIFF does.
        size: its length in bytes.
        most: how many directories to look at, or None for all.

    Returns:
        For each directory, by its offset and in the order of the pages, how its voxels are stored: the values of
        `_LAYOUT`'s tags.

    Raises:
        UserError: for a chain that leaves the file, runs in a circle, or holds no directory, and for tags that
            together are many times as long as the file.
    """
    found: dict[int, Layout] = {}
    named = 0
    with path.open("rb") as file:
        start = file.read(16)
        order = "<" if start[:2] == b"II" else ">"
        big = start[2:4] in (b"+\0", b"\0+")
        count_format, offset_format = (order + "Q", order + "Q") if big else (order + "H", order + "I")
        entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
        at, counted, link = (8 if big else 4), struct.calcsize(count_format), struct.calcsize(offset_format)
        if len(start) < (16 if big else 8):
            _refuse_truncated(path, "its header is incomplete")
        (offset,) = struct.unpack_from(offset_format, start, at)
        while offset and len(found) != most:
            if offset in found:
                refuse(path, f"its pages refer to each other in a circle (page {len(found)})", _REMEDY)
            if offset + counted > size:
                _refuse_truncated(path, f"page {len(found)} begins at byte {offset} of {size}")
            file.seek(offset)
            (entries,) = struct.unpack(count_format, file.read(counted))
            length = entries * entry.size
            if offset + counted + length + link > size:
                _refuse_truncated(path, f"the directory of page {len(found)} ends after the file's {size} bytes")
            directory = file.read(length + link)
            layout = _LAYOUT.copy()
            for code, kind, count, value in entry.iter_unpack(directory[:length]):
                named += _SIZES.get(kind, 1) * count
                if code in layout:
                    short = count == 1 and kind in _LETTERS and _SIZES[kind] <= len(value)
                    layout[code] = struct.unpack_from(order + _LETTERS[kind], value)[0] if short else -count
            if named > MAX_SHARED * size:
                refuse(path, f"the tags of its first {len(found) + 1} pages are longer than the file", _REMEDY)
            found[offset] = tuple(layout.values())
            (offset,) = struct.unpack_from(offset_format, directory, length)
    if not found:
        _refuse_truncated(path, "it has a header and no image")
    return found


def check_segments(path: Path, pages: Iterable[Any], behind: int = 1) -> None:
    """Check that every strip and tile of a TIFF is there and lies inside the file.

    Args:
        path: the file, for messages.
        pages: tifffile's pages of one image.
        behind: how many slices stand behind one page.

    Raises:
        UserError: for a page, strip or tile that is missing, short or too long, or ends after the end of the file.
    """
    for number, page in enumerate(pages):
        if page is None:
            remedy = "keep all files of a multi-file OME-TIFF in one folder, or export it as one file"
            refuse(path, f"page {number} is in another file, which is not there", remedy)
        size = page.parent.filehandle.size
        segments = [*zip(page.dataoffsets, page.databytecounts, strict=False)]
        if not segments or len(page.dataoffsets) != len(page.databytecounts):
            refuse(path, f"page {number} has no image data", _REMEDY)
        if len(segments) != math.prod(page.chunked) and not page.keyframe.is_stk:
            problem = f"page {number} has {len(segments)} strips or tiles and not {math.prod(page.chunked)}"
            refuse(path, problem, _REMEDY)
        for offset, count in segments:
            if not offset or not count:
                refuse(path, f"page {number} lacks a strip or tile", _REMEDY)
            if offset + count > size:
                _refuse_truncated(path, f"page {number} ends at byte {offset + count} of {size}")
        key = page.keyframe
        if key.compression == 1 and key.bitspersample in (8, 16, 32, 64) and not key.is_stk:
            _check_raw(path, number, key, segments, behind)


def _check_raw(path: Path, number: int, key: Any, segments: list[tuple[int, int]], behind: int) -> None:
    """Check that a page of raw voxels has the bytes that it states, and lies as page 0 does."""
    stored, expected = sum(count for _, count in segments), key.nbytes
    if key.is_tiled:
        samples = key.samplesperpixel if key.planarconfig == 1 else 1
        tile = key.tilewidth * key.tilelength * key.tiledepth * samples
        expected = tile * (key.bitspersample // 8) * len(segments)
    elif stored > expected:  # the last strip may be filled up with empty rows, or all slices be one strip
        rows = math.ceil(key.imagelength / key.rowsperstrip) * key.rowsperstrip
        full = (expected // key.imagelength * rows, expected * behind)
        expected = next((size for size in full if size <= stored <= size + len(segments)), expected)
    # a strip may be filled up by a byte, to an even number
    if not expected <= stored <= expected + len(segments):
        refuse(path, f"page {number} states {expected} bytes of voxels and has {stored}", _REMEDY)
    if key.is_contiguous and any(offset + count != after for (offset, count), (after, _) in pairwise(segments)):
        # which tifffile reads at one go
        refuse(path, f"the strips of page {number} lie apart, unlike those of page 0", "export it again")


def count_text(number: int) -> str:
    """Return a number for a message; a damaged file may state one of a thousand digits."""
    return str(number) if abs(number) < 10**15 else "over 10^15"
