"""HDF5 as ilastik, Fiji and Imaris write it."""

import json

import h5py
import numpy as np

from tests.helpers.volume_examples import positions, zyx


def hdf5(path, array=None, name="exported_data", axes="", sizes=None, **kwargs):
    """Write a data set, (Z, Y, X) unless ilastik's tags of axes say something else."""
    with h5py.File(path, "a") as file:
        stored = file.create_dataset(name, data=zyx(positions()) if array is None else array, **kwargs)
        if axes:
            stored.attrs["axistags"] = json.dumps({"axes": [{"key": axis, "typeFlags": 2} for axis in axes]})
        if sizes:
            stored.attrs["element_size_um"] = sizes
    return path


def letters(value):
    """Spell a value as Imaris does, a character at a time."""
    return np.array([letter.encode() for letter in str(value)], "S1")


def ims(path, array=None, levels=1, extent=((0, 0, 0), (2.5, 1.0, 6.0)), filling=3, unit="um"):
    """Write an image (T, C, Z, Y, X), each level every second voxel along X and Y, and fill up its chunks."""
    array = zyx(positions())[None, None] if array is None else array
    with h5py.File(path, "w") as file:
        for level in range(levels):
            for time, channels in enumerate(array[..., :: 2**level, :: 2**level]):
                for channel, volume in enumerate(channels):
                    group = file.create_group(f"DataSet/ResolutionLevel {level}/TimePoint {time}/Channel {channel}")
                    padded = np.pad(volume, [(0, filling)] * 3, constant_values=99)
                    group.create_dataset("Data", data=padded, chunks=(2, 2, 2), compression="gzip")
                    for axis, length in zip("ZYX", volume.shape, strict=True):
                        group.attrs[f"ImageSize{axis}"] = letters(length)
        image = file.create_group("DataSetInfo/Image")
        image.attrs["Unit"] = letters(unit)
        for end, values in zip(("Min", "Max"), extent, strict=True):
            for axis, value in enumerate(values):
                image.attrs[f"Ext{end}{axis}"] = letters(value)
    return path
