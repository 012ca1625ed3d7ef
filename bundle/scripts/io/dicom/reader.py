"""DICOM in: voxels `(X, Y, Z)` in modality values, and an affine in millimetres."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np

from scripts.core import refuse

from ..axes import VolumeAxes, choose_volume
from ..extra import extra_library
from ..formats import check_content
from ..memory import check_memory
from ..volume import VolumeInfo
from .files import REMEDY, discreet, read_dataset
from .segmentation import describe_segmentation, read_segmentation
from .slices import Slice, is_segmentation
from .stack import Stack, read_stack
from .values import values_dtype, values_of

_UNDECODED = "its voxels cannot be decoded"


def read_dicom_header(path: Path, channel: int | str | None = None) -> VolumeInfo:
    """Read and check the headers of all slices of a volume.

    Args:
        path: the folder of a series, a multi-frame file, or a segmentation object.
        channel: as in `read_header`; of a folder with several series, which.

    Raises:
        UserError: for a file that is damaged, cut short, compressed in a way that nothing installed can read, or no
            image; where slices are not one volume; without pydicom.
    """
    if _is_segmentation(path):
        return describe_segmentation(path)
    index = _index(channel)
    return _describe(path, read_stack(path, index), index)[0]


def read_dicom(path: Path, channel: int | str | None = None) -> tuple[VolumeInfo, np.ndarray]:
    """Read a volume: its header, and its voxels `(X, Y, Z)`, one slice after another.

    Args:
        path: the folder of a series, a multi-frame file, or a segmentation object, whose voxels are classes.
        channel: as in `read_dicom_header`.

    Raises:
        UserError: as `read_dicom_header`; also for voxels that cannot be decoded.
    """
    if _is_segmentation(path):
        return read_segmentation(path)
    index = _index(channel)
    stack = read_stack(path, index)
    info, axes = _describe(path, stack, index)
    within = axes.index[3:]  # which sample of a colour
    voxels = np.empty(info.shape, info.dtype, order="F")  # (X, Y, Z)
    for z, (each, stored) in enumerate(_planes(stack)):
        plane = stored[(..., *within)] if each.plane.samples > 1 else stored  # (rows, columns)
        voxels[:, :, z] = values_of(each, plane, info.dtype).T
    return info, voxels


def _index(channel: int | str | None) -> int | None:
    """Return the index that is chosen; `depth` says nothing of a series, which is slices."""
    return None if isinstance(channel, str) else channel


def _is_segmentation(path: Path) -> bool:
    if path.is_dir():
        return False
    check_content(path)
    return is_segmentation(read_dataset(path, ["SOPClassUID"]))


def _describe(path: Path, stack: Stack, channel: int | None) -> tuple[VolumeInfo, VolumeAxes]:
    plane = stack.slices[0].plane
    colours = plane.samples > 1
    letters = "XYZS" if colours else "XYZ"
    shape = (plane.columns, plane.rows, len(stack.slices), *([plane.samples] if colours else []))
    if colours and stack.series > 1:
        refuse(path, f"it holds {stack.series} series, the chosen one in colours", "give it a folder of its own")
    axes = choose_volume(path, letters, shape, None if stack.series > 1 else channel)
    info = VolumeInfo(
        path=path,
        kind="dicom",
        shape=axes.shape,
        dtype=values_dtype(stack.slices),
        affine=stack.affine,
        unit="mm",
        axes=letters,
        stored_shape=shape,
        channel=channel if colours or stack.series > 1 else None,
        source={"kind": "dicom", "path": str(path.resolve()), "channel": channel},
        has_place=True,
    )
    check_memory(path, info.nbytes)
    return info, axes


def _planes(stack: Stack) -> Iterator[tuple[Slice, np.ndarray]]:
    """Yield each slice with its stored numbers, `(rows, columns)` or `(rows, columns, samples)`."""
    for path, slices in groupby(stack.slices, key=lambda each: each.path):
        pixels = extra_library("pydicom.pixels", path)
        frames = [*slices]
        plane = frames[0].plane
        shape = (plane.rows, plane.columns, *([plane.samples] if plane.samples > 1 else []))
        with discreet(path, _UNDECODED):
            decoded = pixels.iter_pixels(path, indices=[each.frame for each in frames])
        for each in frames:
            with discreet(path, _UNDECODED):
                stored = next(decoded)
            if stored.shape != shape:
                refuse(path, f"it states the shape {shape} and holds {stored.shape}", REMEDY)
            yield each, stored
