"""HDF5 in: a data set of any file, as ilastik's, or an image of Imaris (`.ims`).

Which data set is meant is part of the path, ilastik's way: `scan.h5/exported_data`. Start reading at `reader.py`.
"""

from .reader import open_hdf5, read_hdf5, read_hdf5_header

__all__ = ["open_hdf5", "read_hdf5", "read_hdf5_header"]
