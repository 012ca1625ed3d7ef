"""Readers and writers that keep geometry: TIFF, NIfTI and NumPy volumes in, the same kind of file out.

Inside, an image is `(X, Y, Z)` with a 4x4 affine in millimetres. How a file stores its axes and in which unit it
states its voxels is known here and nowhere else. Start reading at `reader.py` and `writer.py`.
"""

from .info import VolumeInfo
from .names import SUFFIXES, file_family, split_name
from .problems import VolumeError
from .reader import VolumeReader, read_header, read_volume
from .saver import SaveVolumed
from .writer import check_writable, write_volume

__all__ = [
    "SUFFIXES",
    "SaveVolumed",
    "VolumeError",
    "VolumeInfo",
    "VolumeReader",
    "check_writable",
    "file_family",
    "read_header",
    "read_volume",
    "split_name",
    "write_volume",
]
