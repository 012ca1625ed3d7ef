"""A NIfTI file whose voxels are read box by box: mapped, or unpacked once into chunks."""

from __future__ import annotations

import logging
import math
import os
import shutil
import weakref
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from scripts.core import refuse, refuse_failures, size, temporary_folder

from ..axes import VolumeAxes
from ..formats import check_content
from ..opened import StoredVolume, Volume
from ..zarr import BlockArray, chunk_name, storable
from .header import REMEDY, NiftiHeader, check_end, open_nifti, read_head
from .reader import describe, fill, first_byte, read_nifti, scaled

logger = logging.getLogger(__name__)

MAX_SLAB = 2**26  # bytes that are decompressed before they are written, as long as they are whole planes
CHUNK = 2**18  # voxels of a chunk, 64 along each side
MAX_DEPTH = 64
TOLD = 2**28  # bytes; unpacking less is over before one would read of it


def open_nifti_volume(path: Path, channel: int | str | None = None) -> Volume:
    """Open a NIfTI file: mapped, or if it is compressed unpacked into the temporary folder.

    Args:
        path: the file.
        channel: as in `read_header`.

    Raises:
        UserError: as `read_nifti`; also where the disk lacks the room to unpack it.
    """
    check_content(path)
    with refuse_failures(path, "its voxels cannot be read", REMEDY), open_nifti(path) as file:
        head = read_head(path, file)
        info, axes = describe(path, head, channel)
        opener = (open_nifti_volume, (path, channel))
        values = partial(scaled, path, head)
        inside = VolumeAxes((slice(None),) * 3, axes.order, axes.shape)
        if path.suffix.lower() != ".gz":
            stored = np.memmap(path, head.stored, "r", first_byte(head, axes), axes.shape, order="F")
            return StoredVolume(info, stored, inside, opener, values=values)
        if storable(head.stored) != head.stored:
            return StoredVolume(info, read_nifti(path, channel)[1], inside, opener)
        unpacked = _unpacked(path, file, head, axes)
    volume = unpacked_volume(path, channel, unpacked.path)
    volume.add_closing(weakref.finalize(volume, _remove, unpacked.path, os.getpid()))
    return volume


def unpacked_volume(path: Path, channel: int | str | None, unpacked: Path) -> StoredVolume:
    """Open what another process has unpacked, and removes when it is done.

    Args:
        path: the compressed file.
        channel: as in `read_header`.
        unpacked: the voxels of that channel as they are stored, a `BlockArray`.
    """
    with refuse_failures(path, "its voxels cannot be read", REMEDY), open_nifti(path) as file:
        head = read_head(path, file)
        info, _ = describe(path, head, channel)
    array = BlockArray.open(unpacked)
    opener = (unpacked_volume, (path, channel, unpacked))
    return StoredVolume(
        info,
        array.stored,
        array.axes,
        opener,
        values=partial(scaled, path, head),
        name_of=partial(chunk_name, array.stored),
    )


def _unpacked(path: Path, file: BinaryIO, head: NiftiHeader, axes: VolumeAxes) -> BlockArray:
    """Unpack the chosen volume, a slab of planes at a time, and the rest for its checksum."""
    folder = temporary_folder(f"{path.name}.zarr")
    nbytes = math.prod(axes.shape) * head.stored.itemsize
    free = shutil.disk_usage(folder.parent).free
    if nbytes > free:
        problem = f"unpacked it takes up to {size(nbytes)} of {folder.parent}, and {size(free)} are free"
        refuse(path, problem, "make room, set TMPDIR to a larger disk, or unpack it (gunzip)", OSError)
    level = logging.INFO if nbytes >= TOLD else logging.DEBUG
    logger.log(
        level, "%s: unpacked into %s, where it takes up to %s until it is done", path, folder.parent, size(nbytes)
    )
    x, y, z = axes.shape
    depth = max(1, min(z, MAX_DEPTH, MAX_SLAB // max(1, head.plane)))
    side = max(MAX_DEPTH, math.isqrt(CHUNK // depth))
    try:
        dtype = head.stored.newbyteorder("=")
        array = BlockArray.create(folder, axes.shape, dtype, (min(x, side), min(y, side), depth))
        start = first_byte(head, axes)
        file.seek(start)
        at = 0
        for low in range(0, z, depth):
            slab = np.empty((x, y, min(depth, z - low)), head.stored, order="F")
            at += (there := fill(file, slab))
            if there < slab.nbytes:
                break
            array.write(((0, x), (0, y), (low, low + slab.shape[2])), slab)
        check_end(path, file, head, start + at)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return array


def _remove(folder: Path, process: int) -> None:
    """Remove an unpacked volume, but in no process that was forked from the one which made it."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
