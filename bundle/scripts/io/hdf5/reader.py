"""HDF5 in: the data set that a path names, or the only one of a file; an image of Imaris."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import Box, refuse, refuse_failures

from ..axes import VolumeAxes, choose_volume
from ..formats import check_content, check_level, split_hdf5
from ..memory import check_memory
from ..opened import StoredVolume, Volume
from ..units import millimetres
from ..volume import VolumeInfo
from .ims import read_level, set_of
from .stored import REMEDY, StoredSet, checked_set, names_of_sets, opened

_LETTERS = {"x": "X", "y": "Y", "z": "Z", "t": "T", "c": "C"}
_VIGRA = "axistags"  # JSON, of ilastik
_MICROMETRES = "element_size_um"  # Z, Y, X, of Fiji's plugin for HDF5 and of PlantSeg
_XYZ = ((slice(None),) * 3, (2, 1, 0))


def read_hdf5_header(path: Path, channel: int | str | None = None, level: int = 0) -> VolumeInfo:
    """Read what is known of a volume besides its voxels.

    Args:
        path: the file, with the name of the data set behind it unless there is only one.
        channel: as in `read_header`.
        level: as in `read_header`; only of `.ims`.

    Raises:
        UserError: as `check_content`; also for a file that is damaged, holds several data sets of which none is named,
            or not one volume.
    """
    return _describe(path, channel, level).info


def read_hdf5(path: Path, channel: int | str | None = None, level: int = 0) -> tuple[VolumeInfo, np.ndarray]:
    """Read a volume: its header, and its voxels `(X, Y, Z)` in native byte order.

    Args:
        path: as in `read_hdf5_header`.
        channel: as in `read_header`.
        level: as in `read_header`.

    Raises:
        UserError: as `read_hdf5_header`; also for one that is larger than the free memory, or cannot be decoded.
    """
    with open_hdf5(path, channel, level) as volume:
        check_memory(path, volume.info.nbytes)
        box: Box = tuple((0, length) for length in volume.info.shape)
        return volume.info, volume.read(box)


def open_hdf5(path: Path, channel: int | str | None = None, level: int = 0) -> Volume:
    """Open a volume whose chunks are read when they are needed.

    Args:
        path: as in `read_hdf5_header`.
        channel: as in `read_header`.
        level: as in `read_header`.

    Raises:
        UserError: as `read_hdf5_header`; also for a chunk that is larger than the free memory.
    """
    found = _describe(path, channel, level)
    with refuse_failures(path, "its voxels cannot be read", REMEDY):
        stored = StoredSet(split_hdf5(path)[0], found.inside)
    check_memory(path, math.prod(stored.chunks) * stored.dtype.itemsize)
    opener = (open_hdf5, (path, channel, level))
    return StoredVolume(found.info, stored, found.axes, opener, closing=stored.close)


@dataclass(frozen=True)
class _Found:
    """A volume: its header, the path of its data set, and which voxels of that it is."""

    info: VolumeInfo
    inside: str
    axes: VolumeAxes


def _describe(path: Path, channel: int | str | None, level: int) -> _Found:
    file, inside = split_hdf5(path)
    check_content(file)
    with refuse_failures(path, "cannot be read as HDF5", REMEDY), opened(file) as found:
        if file.suffix.lower() == ".ims" and not inside:
            return _imaris(path, file, found, channel, level)
        check_level(path, level, 1)
        return _plain(path, file, found, inside or _only(path, file, found), channel)


def _only(path: Path, file: Path, found: Any) -> str:
    """Return the one data set of a file."""
    names = names_of_sets(file, found)
    if not names:
        refuse(path, "it holds no data set of three or more axes", "save the volume as one")
    if len(names) > 1:
        listed = ", ".join(names[:5]) + (", ..." if names[5:] else "")
        refuse(path, f"it holds {len(names)} data sets, {listed}", f"name one, {file}/{names[0]}")
    return names[0]


def _imaris(path: Path, file: Path, found: Any, channel: int | str | None, level: int) -> _Found:
    at = read_level(path, found, level)
    shape = (at.times, at.channels, *at.shape[::-1])
    chosen = choose_volume(path, "TCZYX", shape, channel)
    time, further = (each if isinstance(each, int) else 0 for each in chosen.index[:2])
    if chosen.shape != at.shape:
        refuse(path, "its slices are stored as channels or time points", "export it as one volume")
    inside = set_of(level, time, further)
    stored = checked_set(path, file, found, inside)
    if any(length < size for length, size in zip(stored.shape[::-1], at.shape, strict=True)):
        refuse(path, f"{inside} has {stored.shape} voxels, fewer than the {at.shape[::-1]} that it states", REMEDY)
    info = VolumeInfo(
        path=path,
        kind="ims",
        shape=at.shape,
        dtype=np.dtype(stored.dtype).newbyteorder("="),
        affine=at.affine,
        unit=at.unit,
        axes="TCZYX",
        stored_shape=shape,
        channel=chosen.channel,
        source={"kind": "ims"},
        levels=at.levels,
    )
    return _Found(info, inside, VolumeAxes(*_XYZ, at.shape))


def _plain(path: Path, file: Path, found: Any, inside: str, channel: int | str | None) -> _Found:
    stored = checked_set(path, file, found, inside)
    letters = _letters(stored)
    axes = choose_volume(path, letters, stored.shape, channel)
    affine, unit = _voxels(stored)
    info = VolumeInfo(
        path=path,
        kind="hdf5",
        shape=axes.shape,
        dtype=np.dtype(stored.dtype).newbyteorder("="),
        affine=affine,
        unit=unit,
        axes=letters,
        stored_shape=tuple(stored.shape),
        channel=axes.channel,
        source={"kind": "hdf5"},
    )
    return _Found(info, inside, axes)


def _letters(stored: Any) -> str:
    """Return one letter for each axis: by ilastik's names or HDF5's labels, else Z, Y, X last."""
    ndim = stored.ndim
    for names in (_vigra(stored.attrs.get(_VIGRA)), [dimension.label for dimension in stored.dims]):
        letters = [_LETTERS.get(str(name).lower(), "") for name in names]
        if len(letters) == ndim and all(letters) and len(set(letters)) == ndim:
            return "".join(letters)
    return ("WVUTCZYX" if ndim > 5 else "TCZYX")[-ndim:]


def _vigra(text: Any) -> list[str]:
    """Return the names of axes in ilastik's JSON; `[]` for anything else."""
    try:
        axes = json.loads(text)["axes"]
        return [str(axis["key"]) for axis in axes]
    except (TypeError, ValueError, KeyError, RecursionError):
        return []


def _voxels(stored: Any) -> tuple[np.ndarray, str]:
    """Return affine (mm) and unit; the identity and `""` where no voxel size is stated."""
    attributes: Mapping[str, Any] = stored.attrs
    try:
        sizes = np.asarray(attributes.get(_MICROMETRES, ()), dtype=np.float64).ravel()
    except (TypeError, ValueError):
        sizes = np.zeros(0)
    if len(sizes) != 3 or not np.isfinite(sizes).all() or sizes.min() <= 0:
        return np.eye(4), ""
    return np.diag([*(float(size) * millimetres("µm") for size in sizes[::-1]), 1.0]), "µm"
