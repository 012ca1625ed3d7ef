"""Is a TIFF whole? A library that meets a cut-off file may log, return zeros or drop pages; here it is an error."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from scripts.core import refuse

_CURE = "copy or export it again"


def _refuse_truncated(path: Path, what: str) -> NoReturn:
    refuse(path, f"the TIFF is cut short, {what}", _CURE)


def check_directories(path: Path, size: int) -> int:
    """Walk the chain of image directories (IFDs) without a library.

    Args:
        path: a file that begins as a TIFF does.
        size: its length in bytes.

    Returns:
        The number of directories.

    Raises:
        UserError: the chain leaves the file, runs in a circle, or holds nothing.
    """
    with path.open("rb") as file:
        start = file.read(16)
        order = "<" if start[:2] == b"II" else ">"
        big = start[2:4] in (b"+\0", b"\0+")
        count_format, entry, offset_format = (order + "Q", 20, order + "Q") if big else (order + "H", 12, order + "I")
        at = 8 if big else 4
        if len(start) < (16 if big else 8):
            _refuse_truncated(path, "its header is incomplete")
        (offset,) = struct.unpack_from(offset_format, start, at)
        seen: set[int] = set()
        while offset:
            if offset in seen:
                refuse(path, f"its pages refer to each other in a circle (page {len(seen)})", _CURE)
            file.seek(offset)
            head = file.read(struct.calcsize(count_format))
            if len(head) < struct.calcsize(count_format):
                _refuse_truncated(path, f"page {len(seen)} begins at byte {offset} of {size}")
            (entries,) = struct.unpack(count_format, head)
            file.seek(entries * entry, 1)
            tail = file.read(struct.calcsize(offset_format))
            if len(tail) < struct.calcsize(offset_format):
                _refuse_truncated(path, f"the directory of page {len(seen)} ends behind its {size} bytes")
            seen.add(offset)
            (offset,) = struct.unpack(offset_format, tail)
    if not seen:
        _refuse_truncated(path, "it has a header and no image")
    return len(seen)


def check_segments(path: Path, pages: Iterable[Any]) -> None:
    """Check that every strip or tile of `pages` (tifffile's) lies inside its file and is not missing.

    Raises:
        UserError: a page, strip or tile is missing or ends behind the end of the file.
    """
    for number, page in enumerate(pages):
        if page is None:
            cure = "keep all files of a multi-file OME-TIFF in one folder, or export it as one file"
            refuse(path, f"page {number} is in another file, which is not there", cure)
        size = page.parent.filehandle.size
        if not page.dataoffsets or len(page.dataoffsets) != len(page.databytecounts):
            refuse(path, f"page {number} has no image data", _CURE)
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            if not offset or not count:
                refuse(path, f"page {number} lacks a strip or tile", _CURE)
            if offset + count > size:
                _refuse_truncated(path, f"page {number} ends at byte {offset + count} of {size}")
