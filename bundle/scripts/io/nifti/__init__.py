"""NIfTI in and out: any affine comes back bit for bit, in the unit that the file stated.

Inside it is in millimetres, as every affine of this package is. Start reading at `reader.py` and `writer.py`.
"""

from .opened import open_nifti_volume
from .reader import read_nifti, read_nifti_header
from .writer import stream_nifti, write_nifti

__all__ = [
    "open_nifti_volume",
    "read_nifti",
    "read_nifti_header",
    "stream_nifti",
    "write_nifti",
]
