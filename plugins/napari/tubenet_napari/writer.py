"""Saves layers with their voxel size, in the formats that the bundle writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import Box, refuse
from scripts.io import VolumeInfo, write_streamed

from .geometry import PIXEL

WHOLE = 2**24  # single precision holds every whole number up to here
NOT_LABELLED = 254
"""What a label has in a file where nothing is labelled, as `tubenet suggest` has it: 255 is vessel to many programs."""
MAX_LABEL = NOT_LABELLED - 1
UNITS = {"micrometer": "µm", "millimeter": "mm", "nanometer": "nm", "centimeter": "cm", "meter": "m", "angstrom": "Å"}
DEFAULTS = (("scale", (1.0, 1.0, 1.0)), ("translate", (0.0, 0.0, 0.0)))
LENGTHS = {"µm": 1e-3, "mm": 1.0, "nm": 1e-6, "cm": 10.0, "m": 1e3, "inch": 25.4, "Å": 1e-7, "": 1.0}  # in millimetres


def write_labels(path: str, data: Any, about: dict[str, Any]) -> list[str]:
    """Save a layer of labels; used by napari for File > Save.

    Raises:
        UserError: for what cannot be written.
    """
    return [str(write_layer(Path(path), data, about, labels=True))]


def write_image(path: str, data: Any, about: dict[str, Any]) -> list[str]:
    """Save an image layer; used by napari for File > Save.

    Raises:
        UserError: for what cannot be written.
    """
    return [str(write_layer(Path(path), data, about))]


def write_layer(
    path: Path, data: Any, about: dict[str, Any], labels: bool = False, check: Callable[[], None] = lambda: None
) -> Path:
    """Write the voxels of a layer, slab by slab, with the voxel size and the place that it has in napari.

    Args:
        path: the file.
        data: `(Z, Y, X)`, or a list of resolutions of which the first counts.
        about: `scale`, `translate` and `units` of the layer.
        labels: whether the voxels are labels, which become uint8 or, if there are many, uint16.
        check: is called before each slab, and raises what ends it.

    Raises:
        UserError: for a layer of another number of axes, voxels that cannot be written without loss, and a full disk.
    """
    array = data[0] if isinstance(data, list | tuple) or hasattr(data, "shapes") else data
    if len(array.shape) != 3:
        refuse(path, f"the layer has the shape {tuple(array.shape)}", "save one 3-D volume of one channel")
    wanted = label_type(array) if labels else written_type(array.dtype)

    def read(box: Box) -> np.ndarray:
        check()
        x, y, z = (slice(*bounds) for bounds in box)
        voxels = np.asarray(array[z, y, x])
        found = as_labels(path, voxels, np.iinfo(wanted).max, wanted) if labels else as_written(voxels, wanted, path)
        return found.transpose(2, 1, 0)

    z, y, x = (int(side) for side in array.shape)
    return write_streamed(path, read, (x, y, z), wanted, like=header_of(path, (x, y, z), about))


def header_of(path: Path, shape: tuple[int, int, int], about: Mapping[str, Any]) -> VolumeInfo:
    """Return what a layer says of its voxels, as if it had been read from a file.

    Args:
        path: for messages.
        shape: voxels along X, Y, Z.
        about: `scale`, `translate` and `units` of the layer, each along Z, Y, X.
    """
    # napari states the units of a layer as pint has them, by name or as objects
    found = str(next(iter(about.get("units") or ()), PIXEL))
    unit = UNITS.get(found, found if found in LENGTHS else "")
    scale, start = (np.asarray(about.get(key, default), float)[::-1] for key, default in DEFAULTS)
    affine = np.diag([*scale, 1.0])
    affine[:3, 3] = start
    affine[:3] *= LENGTHS[unit]
    kind = {"kind": "npy"}  # the one that states nothing of its own
    return VolumeInfo(path, "npy", shape, np.dtype(np.uint8), affine, unit, "XYZ", shape, source=kind)


def written_type(dtype: np.dtype) -> np.dtype:
    """Return the type in which voxels of a type are written: uint8, uint16 or float32."""
    if dtype.kind == "b" or dtype == np.uint8:
        return np.dtype(np.uint8)
    return np.dtype(np.uint16) if dtype == np.uint16 else np.dtype(np.float32)


def label_type(labels: Any) -> np.dtype:
    """Return uint8 for labels up to 255, and uint16 for others, and for those that are not in memory."""
    is_few = labels.dtype.itemsize == 1 or (isinstance(labels, np.ndarray) and labels.max(initial=0) <= 255)
    return np.dtype(np.uint8 if is_few else np.uint16)


def as_written(voxels: np.ndarray, wanted: np.dtype, name: object) -> np.ndarray:
    """Return voxels in the type in which they are written.

    Raises:
        UserError: for whole numbers that single precision cannot hold.
    """
    whole = wanted == np.float32 and voxels.dtype.kind in "iu" and voxels.size > 0
    if whole and np.abs(voxels.astype(float)).max() > WHOLE:
        refuse(name, "holds whole numbers beyond 16777216", "save it as 16 bits")
    return voxels.astype(wanted, copy=False)


def as_labels(name: object, labels: np.ndarray, most: int = MAX_LABEL, wanted: Any = np.uint8) -> np.ndarray:
    """Return painted labels in the type in which they are written.

    Raises:
        UserError: for values that are not from 0 to `most`.
    """
    if labels.size and not 0 <= labels.min() <= labels.max() <= most:
        refuse(name, f"holds the labels {labels.min()} to {labels.max()}", f"paint with labels from 0 to {most}")
    return labels.astype(wanted, copy=False)
