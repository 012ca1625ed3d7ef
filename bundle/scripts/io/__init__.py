"""Reading and writing volumes with their geometry: TIFF, NIfTI, NumPy, and more with extras.

Inside the bundle a volume is `(X, Y, Z)` with a 4x4 affine in millimetres. How a file stores its axes, and in which
unit it states its voxel size, is known in this package and nowhere else. Start reading at `reader.py` and `writer.py`.

>>> image = np.zeros((64, 64, 16), np.uint8)  # (X, Y, Z)
>>> image[30:34, 30:34] = 200
>>> path = write_volume("vessel.tif", image, voxel_size=(1, 1, 5), unit="µm")
>>> info, voxels = read_volume(path)
>>> info.kind, info.unit, info.voxel_size
('imagej', 'µm', (0.001, 0.001, 0.005))
>>> write_volume("vessel_seg.tif", voxels > 100, like=info).name  # also an ImageJ stack, with the same voxel size
'vessel_seg.tif'
"""

from .adapters import SaveVolumed, VolumeReader, name_of
from .axes import of_label
from .dicom import CORRECTED, MAKER, NOT_LABELLED, Segment, holds_series, read_segments, singular
from .formats import READ_SUFFIXES, SUFFIXES, file_family, is_volume, is_zarr, result_name, split_hdf5, split_name
from .graph import EDGES, GRAPH_SUFFIXES, NODES, VesselGraph, edges_of, nodes_of, read_graph, write_swc, write_vtp
from .opened import Volume
from .place import difference
from .reader import level_of_label, open_volume, read_header, read_volume
from .tiff import read_slices, whole_volumes
from .units import in_unit
from .volume import VolumeInfo
from .writer import finish_zarr, write_streamed, write_volume
from .zarr import BlockArray, notes_of, refuse_damaged_notes, storable

__all__ = [
    "CORRECTED",
    "EDGES",
    "GRAPH_SUFFIXES",
    "MAKER",
    "NODES",
    "NOT_LABELLED",
    "READ_SUFFIXES",
    "SUFFIXES",
    "BlockArray",
    "SaveVolumed",
    "Segment",
    "VesselGraph",
    "Volume",
    "VolumeInfo",
    "VolumeReader",
    "difference",
    "edges_of",
    "file_family",
    "finish_zarr",
    "holds_series",
    "in_unit",
    "is_volume",
    "is_zarr",
    "level_of_label",
    "name_of",
    "nodes_of",
    "notes_of",
    "of_label",
    "open_volume",
    "read_graph",
    "read_header",
    "read_segments",
    "read_slices",
    "read_volume",
    "refuse_damaged_notes",
    "result_name",
    "singular",
    "split_hdf5",
    "split_name",
    "storable",
    "whole_volumes",
    "write_streamed",
    "write_swc",
    "write_volume",
    "write_vtp",
]
