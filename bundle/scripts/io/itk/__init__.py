"""NRRD (`.nrrd`, `.nhdr`) and MetaImage (`.mha`, `.mhd`) in and out, through SimpleITK.

Both state directions and positions to the patient's left, back and head (LPS); inside they are RAS, as NIfTI has them.
Start reading at `reader.py` and `writer.py`.
"""

from .reader import read_itk, read_itk_header
from .writer import write_itk

__all__ = [
    "read_itk",
    "read_itk_header",
    "write_itk",
]
