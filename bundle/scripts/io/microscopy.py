"""Microscopes' own files in, `.czi`, `.nd2` and `.lif`, through bioio's readers.

They hold scenes, time points and channels: `--channel` picks along the one of them that is longer than 1. Results are
OME-TIFF.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse, refuse_failures

from .axes import VolumeAxes, choose_volume
from .extra import extra_library
from .formats import check_content
from .memory import check_memory
from .units import millimetres
from .volume import VolumeInfo

READERS = {".czi": "bioio_czi", ".nd2": "bioio_nd2", ".lif": "bioio_lif"}
UNIT = "µm"  # of all sizes that bioio states
_REMEDY = "convert it to OME-TIFF (bioformats2raw and raw2ometiff, or Fiji: File > Save As > OME-TIFF)"
_SCENES = "P"


def read_microscopy_header(path: Path, channel: int | str | None = None) -> VolumeInfo:
    """Read what is known of a microscope's file besides its voxels.

    Args:
        path: the file.
        channel: as in `read_header`.

    Raises:
        UserError: as `check_content`; also for a file that bioio cannot read, whose scenes differ, that is larger than
            the free memory or not one volume; without the library.
    """
    return _describe(path, channel)[0]


def read_microscopy(path: Path, channel: int | str | None = None) -> tuple[VolumeInfo, np.ndarray]:
    """Read a microscope's file: its header, and the voxels `(X, Y, Z)` of one volume.

    Args:
        path: the file.
        channel: as in `read_header`.

    Raises:
        UserError: as `read_microscopy_header`; also for voxels that cannot be decoded.
    """
    info, axes, reader = _describe(path, channel)
    stays = [letter for letter, at in zip(info.axes, axes.index, strict=True) if not isinstance(at, int)]
    kept = "".join(stays[at] for at in axes.order)  # XYZ, or XYC where channels are slices
    further = {letter: at for letter, at in zip(info.axes, axes.index, strict=True) if isinstance(at, int)}
    with refuse_failures(path, "its voxels cannot be read", _REMEDY):
        reader.set_scene(further.pop(_SCENES, 0))
        stored = reader.get_image_dask_data(kept, **further).compute(scheduler="synchronous")
    if stored.shape != info.shape or stored.dtype != info.dtype:
        refuse(path, f"it states {info.dtype} of shape {info.shape} and holds {stored.dtype} {stored.shape}", _REMEDY)
    return info, stored  # (X, Y, Z)


def _describe(path: Path, channel: int | str | None) -> tuple[VolumeInfo, VolumeAxes, Any]:
    check_content(path)
    library = extra_library(READERS[path.suffix.lower()], path)
    with refuse_failures(path, f"cannot be read by {library.__name__}", _REMEDY):
        reader = library.Reader(str(path.resolve()))
        scenes = len(reader.scenes)
        letters, shape, dtype = reader.dims.order, tuple(reader.shape), np.dtype(reader.dtype)
        sizes = [reader.physical_pixel_sizes[at] for at in (2, 1, 0)]  # X, Y, Z of Z, Y, X
        stored = _stored_scenes(path)
    if stored > scenes:
        problem = f"it holds {stored} scenes, and its metadata tell of {scenes}"
        refuse(path, problem, "save each scene as a file of its own")
    if dtype.kind not in "buif":
        refuse(path, f"its voxels are {dtype}", "save real numbers (integers or floats)")
    letters, shape = _SCENES + letters, (scenes, *shape)
    axes = choose_volume(path, letters, shape, channel)
    picked = axes.channel if scenes > 1 and axes.channel is not None else 0
    if picked:  # shape and voxel size are those of the first scene so far
        with refuse_failures(path, f"its scene {picked} cannot be read", _REMEDY):
            reader.set_scene(picked)
            found = (reader.dims.order, tuple(reader.shape), np.dtype(reader.dtype))
            sizes = [reader.physical_pixel_sizes[at] for at in (2, 1, 0)]
        if found != (letters[1:], shape[1:], dtype):
            problem = (
                f"its scene {picked} has axes {found[0]} with shape {found[1]}, the first {letters[1:]} {shape[1:]}"
            )
            refuse(path, problem, "save each scene as a file of its own")
    affine, unit = _affine(sizes)
    info = VolumeInfo(
        path=path,
        kind=path.suffix.lower()[1:],
        shape=axes.shape,
        dtype=dtype.newbyteorder("="),
        affine=affine,
        unit=unit,
        axes=letters,
        stored_shape=shape,
        channel=axes.channel,
        source={"kind": path.suffix.lower()[1:]},
    )
    check_memory(path, info.nbytes)
    return info, axes, reader


def _stored_scenes(path: Path) -> int:
    """Return how many scenes a `.czi` holds.

    bioio goes by metadata, and may lay several on each other.
    """
    if path.suffix.lower() != ".czi":
        return 0
    with extra_library("pylibCZIrw.czi", path).open_czi(str(path.resolve())) as document:
        return len(document.scenes_bounding_rectangle)


def _affine(sizes: list[float | None]) -> tuple[np.ndarray, str]:
    """Return affine (mm) and unit; the identity and `""` where a size is missing."""
    known = [float(size) for size in sizes if size is not None and math.isfinite(size) and size > 0]
    if len(known) < 3:
        return np.eye(4), ""
    return np.diag([*(size * millimetres(UNIT) for size in known), 1.0]), UNIT
