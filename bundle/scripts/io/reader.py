"""One way to read every kind of file: its header, all its voxels, or a box at a time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from scripts.core import DEPTH, refuse

from .axes import VolumeAxes
from .dicom import read_dicom, read_dicom_header
from .formats import check_level, file_family
from .hdf5 import open_hdf5, read_hdf5, read_hdf5_header
from .itk import read_itk, read_itk_header
from .microscopy import read_microscopy, read_microscopy_header
from .nifti import open_nifti_volume, read_nifti, read_nifti_header
from .npy import open_npy, read_npy, read_npy_header
from .opened import StoredVolume, Volume, refuse_non_finite
from .tiff import open_tiff_volume, read_tiff, read_tiff_header
from .volume import VolumeInfo
from .zarr import open_zarr, read_zarr, read_zarr_header

_HEADER_READERS: dict[str, Callable[..., VolumeInfo]] = {
    "tiff": read_tiff_header,
    "nifti": read_nifti_header,
    "npy": read_npy_header,
    "zarr": read_zarr_header,
    "hdf5": read_hdf5_header,
    "itk": read_itk_header,
    "dicom": read_dicom_header,
    "microscopy": read_microscopy_header,
}
_VOLUME_READERS: dict[str, Callable[..., tuple[VolumeInfo, np.ndarray]]] = {
    "tiff": read_tiff,
    "nifti": read_nifti,
    "npy": read_npy,
    "zarr": read_zarr,
    "hdf5": read_hdf5,
    "itk": read_itk,
    "dicom": read_dicom,
    "microscopy": read_microscopy,
}
# what reads a part without the rest; of the others all voxels are held
_OPENERS: dict[str, Callable[..., Volume]] = {
    "tiff": open_tiff_volume,
    "nifti": open_nifti_volume,
    "npy": open_npy,
    "zarr": open_zarr,
    "hdf5": open_hdf5,
}
_OF_LEVELS = ("tiff", "zarr", "hdf5")  # families whose files may hold several resolutions


def read_header(path: str | os.PathLike[str], channel: int | str | None = None, level: int = 0) -> VolumeInfo:
    """Read what is known of a volume besides its voxels.

    It is cheap enough to check a whole dataset before any work begins.

    Args:
        path: the file, or the folder of a Zarr; its suffix is one of `READ_SUFFIXES`. Or a data set in an HDF5 file,
            `FILE.h5/NAME`; or the folder of a DICOM series.
        channel: index along the one further axis of a file that holds several channels, colours, scenes or time
            points; or `depth` for a file whose slices are stored as channels or time points.
        level: which resolution of a pyramid, 0 the finest.

    Raises:
        UserError: for a file that is missing, a folder of anything else, may not be read, is empty, damaged, cut short,
            of another type than its suffix says, or not one volume; for one whose library is not installed.
    """
    path = Path(path)
    family = file_family(path)
    return _HEADER_READERS[family](path, _checked(path, channel), *_level(path, family, level))


def read_volume(
    path: str | os.PathLike[str], channel: int | str | None = None, level: int = 0
) -> tuple[VolumeInfo, np.ndarray]:
    """Read a volume: its header and its voxels.

    Args:
        path: as in `read_header`.
        channel: as in `read_header`.
        level: as in `read_header`.

    Returns:
        The header, and an array `(X, Y, Z)` of the stored type in native byte order (float for a scaled NIfTI).

    Raises:
        UserError: as `read_header`; also for voxels that are NaN or infinite, or larger than the free memory.
    """
    path = Path(path)
    family = file_family(path)
    info, voxels = _VOLUME_READERS[family](path, _checked(path, channel), *_level(path, family, level))
    refuse_non_finite(path, voxels)
    return info, voxels


def open_volume(path: str | os.PathLike[str], channel: int | str | None = None, level: int = 0) -> Volume:
    """Open a volume whose voxels are read box by box, so that it may be larger than the memory.

    A `.nii.gz` is unpacked once into the temporary folder, where it stays until the volume is closed. Of NRRD,
    MetaImage, DICOM and microscopes' own formats all voxels are held in memory.

    Args:
        path: as in `read_header`.
        channel: as in `read_header`.
        level: as in `read_header`.

    Raises:
        UserError: as `read_header`; as `read_volume`, where all voxels are held; for a full disk.
    """
    path = Path(path)
    family = file_family(path)
    channel, levels = _checked(path, channel), _level(path, family, level)
    return _OPENERS[family](path, channel, *levels) if family in _OPENERS else _held(path, channel)


def level_of_label(path: str | os.PathLike[str], level: int) -> int:
    """Return the `level` at which to read the label of an image that is read at a level.

    It is the same of a label that is a pyramid itself; one of a single resolution has the voxels of that level.

    Raises:
        UserError: as `read_header`, where the level is not 0.
    """
    if not level or file_family(path) not in _OF_LEVELS:
        return 0
    return level if read_header(path, DEPTH).levels > 1 else 0


def _held(path: Path, channel: int | str | None) -> Volume:
    """Open a volume all of whose voxels are held."""
    info, voxels = read_volume(path, channel)
    axes = VolumeAxes((slice(None),) * 3, (0, 1, 2), info.shape)
    return StoredVolume(info, voxels, axes, (open_volume, (path, channel)))


def _level(path: Path, family: str, level: int) -> tuple[int, ...]:
    """Return the level as a further argument of a family's functions, if they have one."""
    if isinstance(level, bool) or not isinstance(level, int | np.integer):
        refuse(path, f"level is {level!r}", "give a whole number from 0, or leave --level out")
    if family in _OF_LEVELS:
        return (int(level),)
    check_level(path, int(level), 1)
    return ()


def _checked(path: Path, channel: int | str | None) -> int | str | None:
    if channel is None or (isinstance(channel, str) and channel == DEPTH):
        return channel
    if isinstance(channel, bool) or not isinstance(channel, int | np.integer):
        plain = channel.item() if isinstance(channel, np.generic) else channel
        refuse(path, f"channel is {plain!r}", f"give a whole number from 0, or {DEPTH}, or leave --channel out")
    return int(channel)
