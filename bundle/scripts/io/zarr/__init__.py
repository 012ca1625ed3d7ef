"""Zarr in and out: plain arrays, and OME-Zarr 0.4 and 0.5; chunks are read when needed.

Inside it is `(X, Y, Z)` in millimetres, as everywhere in this package. Start reading at `reader.py` and `writer.py`.
"""

from .array import BlockArray, chunk_name
from .notes import NOTES, notes_of
from .reader import open_zarr, read_zarr, read_zarr_header
from .writer import check_replaceable, finish_blocks, stream_zarr, write_zarr

__all__ = [
    "NOTES",
    "BlockArray",
    "check_replaceable",
    "chunk_name",
    "finish_blocks",
    "notes_of",
    "open_zarr",
    "read_zarr",
    "read_zarr_header",
    "stream_zarr",
    "write_zarr",
]
