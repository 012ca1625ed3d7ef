"""One way to read every kind of file: `read_header` without voxels, `read_volume` with them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from scripts.core import DEPTH, refuse

from .dicom import read_dicom, read_dicom_header
from .formats import file_family
from .itk import read_itk, read_itk_header
from .microscopy import read_microscopy, read_microscopy_header
from .nifti import read_nifti, read_nifti_header
from .npy import read_npy, read_npy_header
from .tiff import read_tiff, read_tiff_header
from .volume import VolumeInfo

_HEADER_READERS = {
    "tiff": read_tiff_header,
    "nifti": read_nifti_header,
    "npy": read_npy_header,
    "itk": read_itk_header,
    "dicom": read_dicom_header,
    "microscopy": read_microscopy_header,
}
_VOLUME_READERS = {
    "tiff": read_tiff,
    "nifti": read_nifti,
    "npy": read_npy,
    "itk": read_itk,
    "dicom": read_dicom,
    "microscopy": read_microscopy,
}


def read_header(path: str | os.PathLike[str], channel: int | str | None = None) -> VolumeInfo:
    """Read what is known of a volume besides its voxels.

    It is cheap enough to check a whole dataset before any work begins.

    Args:
        path: the file; its suffix is one of `READ_SUFFIXES`. Or the folder of a DICOM series.
        channel: index along the one further axis of a file that holds several channels, colours, scenes or time
            points; or `depth` for a file whose slices are stored as channels or time points.

    Raises:
        UserError: for a file that is missing, a folder of anything else, may not be read, is empty, damaged, cut short,
            of another type than its suffix says, or not one volume; for one whose library is not installed.
    """
    path = Path(path)
    return _HEADER_READERS[file_family(path)](path, _checked(path, channel))


def read_volume(path: str | os.PathLike[str], channel: int | str | None = None) -> tuple[VolumeInfo, np.ndarray]:
    """Read a volume: its header and its voxels.

    Args:
        path: as in `read_header`.
        channel: as in `read_header`.

    Returns:
        The header, and an array `(X, Y, Z)` of the stored type in native byte order (float for a scaled NIfTI).

    Raises:
        UserError: as `read_header`; also for voxels that are NaN or infinite.
    """
    path = Path(path)
    info, voxels = _VOLUME_READERS[file_family(path)](path, _checked(path, channel))
    _refuse_non_finite(path, voxels)
    return info, voxels


def _checked(path: Path, channel: int | str | None) -> int | str | None:
    if channel is None or (isinstance(channel, str) and channel == DEPTH):
        return channel
    if isinstance(channel, bool) or not isinstance(channel, int | np.integer):
        plain = channel.item() if isinstance(channel, np.generic) else channel
        refuse(path, f"channel is {plain!r}", f"give a whole number from 0, or {DEPTH}, or leave --channel out")
    return int(channel)


def _refuse_non_finite(path: Path, voxels: np.ndarray) -> None:
    if voxels.dtype.kind != "f":
        return
    count, first = 0, None
    # a slab at a time along the slowest axis of memory, so that the mask never takes as much memory as a large volume
    axis = int(np.argmax(np.abs(voxels.strides)))
    for at in range(voxels.shape[axis]):
        bad = ~np.isfinite(voxels[(slice(None),) * axis + (at,)])
        if bad.any():
            count += int(bad.sum())
            first = first or [int(i) for i in np.insert(np.argwhere(bad)[0], axis, at)]
    if first is not None:
        where = ", ".join(f"{letter}={i}" for letter, i in zip("xyz", first, strict=True))
        problem = f"{count} voxels are NaN or infinite, the first at {where}"
        refuse(path, problem, "replace them by a number (numpy.nan_to_num) and save it again")
