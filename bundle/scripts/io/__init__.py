"""Readers and writers that keep geometry: TIFF, NIfTI and NumPy volumes in, the same kind of file out.

Inside, an image is `(X, Y, Z)` with a 4x4 affine in millimetres. How a file stores its axes and in which unit it
states its voxels is known here and nowhere else. Start reading at `reader.py` and `writer.py`.
"""

from .adapters import SaveVolumed, VolumeReader, name_of
from .formats import SUFFIXES, file_family, split_name
from .reader import read_header, read_volume
from .units import in_unit
from .volume import VolumeInfo
from .writer import write_volume

__all__ = [
    "SUFFIXES",
    "SaveVolumed",
    "VolumeInfo",
    "VolumeReader",
    "file_family",
    "in_unit",
    "name_of",
    "read_header",
    "read_volume",
    "split_name",
    "write_volume",
]
