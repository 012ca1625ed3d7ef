"""OME-Zarr and plain Zarr, written by zarr itself as other programs write them."""

import json

import numpy as np
import zarr

from tests.helpers.volume_examples import positions, zyx

SPACE = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
OTHERS = {"t": {"name": "t", "type": "time", "unit": "second"}, "c": {"name": "c", "type": "channel"}}


def axes_of(names):
    return [OTHERS[name] for name in names if name in OTHERS] + SPACE


def ome_zarr(path, version="0.5", names="zyx", array=None, levels=1, scale=(2.0, 0.25, 0.5), chunks=None, **changed):
    """Write an image with a voxel size of 0.5 x 0.25 x 2 µm; each level has every second voxel along X and Y.

    Args:
        changed: further or other keys of the multiscales.
    """
    array = zyx(positions()) if array is None else array
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    datasets = []
    for level in range(levels):
        step = 2**level
        part = array[..., ::step, ::step]
        named = {"dimension_names": list(names)} if version == "0.5" else {}
        stored = group.create_array(
            str(level), shape=part.shape, dtype=array.dtype, chunks=chunks or part.shape, **named
        )
        stored[:] = part
        lead = [1.0] * (array.ndim - 3)
        sizes = [*lead, scale[0], scale[1] * step, scale[2] * step]
        datasets.append({"path": str(level), "coordinateTransformations": [{"type": "scale", "scale": sizes}]})
    multiscale = {"axes": axes_of(names), "datasets": datasets, "name": "image", **changed}
    if version == "0.4":
        group.attrs.update({"multiscales": [{"version": "0.4", **multiscale}]})
    else:
        group.attrs.update({"ome": {"version": version, "multiscales": [multiscale]}})
    return path


def change(file, **values):
    """Change top-level names of a JSON file; None takes one away."""
    content = {**json.loads(file.read_text()), **values}
    file.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))


def plain_zarr(path, zarr_format=3, array=None, chunks=None, **kwargs):
    array = zyx(positions()) if array is None else array
    stored = zarr.create_array(
        str(path),
        shape=array.shape,
        dtype=array.dtype,
        chunks=chunks or array.shape,
        zarr_format=zarr_format,
        **kwargs,
    )
    stored[:] = array
    return path


def many(channels=3):
    """Return (C, Z, Y, X), each channel 1 more than the one before."""
    return np.stack([zyx(positions()) + channel for channel in range(channels)])
