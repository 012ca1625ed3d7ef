"""TIFF in and out, in its three dialects: ImageJ's, OME's and plain.

Stored `(Z, Y, X)`, inside `(X, Y, Z)`. Start reading at `reader.py` and `writer.py`.
"""

from .opened import open_tiff_volume
from .reader import read_tiff, read_tiff_header
from .sets import whole_volumes
from .stack import read_slices
from .writer import stream_tiff, write_tiff

__all__ = [
    "open_tiff_volume",
    "read_slices",
    "read_tiff",
    "read_tiff_header",
    "stream_tiff",
    "whole_volumes",
    "write_tiff",
]
