"""DICOM: a series of slices, or one file with all slices, in; a segmentation object out.

A volume is a folder that holds one series, or one multi-frame file. Start reading at `reader.py` and `segmentation.py`.
Nothing of a patient is ever logged: messages name files, tags and numbers of slices, and no other value of a header.
"""

from .files import holds_series
from .reader import read_dicom, read_dicom_header
from .segmentation import write_dicom

__all__ = [
    "holds_series",
    "read_dicom",
    "read_dicom_header",
    "write_dicom",
]
