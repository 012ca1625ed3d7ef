"""Zarr in and out: plain arrays, and OME-Zarr 0.4 and 0.5; chunks are read when needed.

Inside it is `(X, Y, Z)` in millimetres, as everywhere in this package. Start reading at `reader.py` and `writer.py`.
"""

from .array import BlockArray, chunk_name, storable
from .notes import NOTES, notes_of, refuse_damaged_notes
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
    "refuse_damaged_notes",
    "storable",
    "stream_zarr",
    "write_zarr",
]
