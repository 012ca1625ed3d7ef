"""DICOM: a series of slices, or one file with all slices, in; a segmentation object out.

A volume is a folder that holds one series, or one multi-frame file. Start reading at `reader.py` and `segmentation.py`.
Nothing of a patient is ever logged. Messages name files and tags, and of a header's values only those that tell how an
image is stored: numbers of series, slices, rows, columns and bits, distances, and DICOM's own words for a kind of file,
of voxels, of compression or a modality.
"""

from .files import holds_series
from .reader import read_dicom, read_dicom_header
from .segmentation import CORRECTED, MAKER, write_dicom
from .segments import Segment, read_segments
from .vessels import NOT_LABELLED, singular

__all__ = [
    "CORRECTED",
    "MAKER",
    "NOT_LABELLED",
    "Segment",
    "holds_series",
    "read_dicom",
    "read_dicom_header",
    "read_segments",
    "singular",
    "write_dicom",
]
