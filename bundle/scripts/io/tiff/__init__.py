"""TIFF in and out: ImageJ, OME and plain. Start reading at `reader.py` and `writer.py`."""

from .reader import read_tiff, read_tiff_header
from .writer import write_tiff

__all__ = [
    "read_tiff",
    "read_tiff_header",
    "write_tiff",
]
