"""Check that a TIFF is whole.

A library that meets a file cut short may only log that, return zeros or leave pages out; here it is an error.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from scripts.core import refuse

_REMEDY = "copy or export it again"


def _refuse_truncated(path: Path, what: str) -> NoReturn:
    refuse(path, f"the TIFF is cut short, {what}", _REMEDY)


def check_directories(path: Path, size: int) -> int:
    """Follow the chain of image directories (IFDs) of a TIFF to its end.

    No library is used: one that meets a fault may stop there and take what came before for the whole.

    Args:
        path: a file that begins as a TIFF does.
        size: its length in bytes.

    Returns:
        The number of directories.

    Raises:
        UserError: for a chain that leaves the file, runs in a circle, or holds no directory.
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
                refuse(path, f"its pages refer to each other in a circle (page {len(seen)})", _REMEDY)
            file.seek(offset)
            head = file.read(struct.calcsize(count_format))
            if len(head) < struct.calcsize(count_format):
                _refuse_truncated(path, f"page {len(seen)} begins at byte {offset} of {size}")
            (entries,) = struct.unpack(count_format, head)
            file.seek(entries * entry, 1)
            tail = file.read(struct.calcsize(offset_format))
            if len(tail) < struct.calcsize(offset_format):
                _refuse_truncated(path, f"the directory of page {len(seen)} ends after the file's {size} bytes")
            seen.add(offset)
            (offset,) = struct.unpack(offset_format, tail)
    if not seen:
        _refuse_truncated(path, "it has a header and no image")
    return len(seen)


def check_segments(path: Path, pages: Iterable[Any]) -> None:
    """Check that every strip and tile of a TIFF is there and lies inside the file.

    Args:
        path: the file, for messages.
        pages: tifffile's pages of one image.

    Raises:
        UserError: for a page, strip or tile that is missing or ends after the end of the file.
    """
    for number, page in enumerate(pages):
        if page is None:
            remedy = "keep all files of a multi-file OME-TIFF in one folder, or export it as one file"
            refuse(path, f"page {number} is in another file, which is not there", remedy)
        size = page.parent.filehandle.size
        if not page.dataoffsets or len(page.dataoffsets) != len(page.databytecounts):
            refuse(path, f"page {number} has no image data", _REMEDY)
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            if not offset or not count:
                refuse(path, f"page {number} lacks a strip or tile", _REMEDY)
            if offset + count > size:
                _refuse_truncated(path, f"page {number} ends at byte {offset + count} of {size}")
