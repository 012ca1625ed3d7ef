"""A data set that is indexed where it lies, in whichever process."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse, refuse_failures

REMEDY = "copy or export it again"
CONTIGUOUS = 2**18  # bytes that are taken to be read at one go of a data set without chunks
_MAX_PACKED = 50_000  # compression factor: zstd's of zeros is 43,000, deflate's 1,032
_MAX_NAMES = 100_000  # objects of a file that are looked through


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    """Open a file to read it; other programs may have it open."""
    import h5py

    with refuse_failures(file, "cannot be read as HDF5", REMEDY), h5py.File(file, "r", locking=False) as found:
        yield found


class StoredSet:
    """A data set as an array: what `StoredVolume` indexes.

    A process that was forked opens the file itself, because HDF5 shares nothing between processes.

    Args:
        file: the HDF5 file.
        inside: the path of the data set in it.

    Attributes:
        shape: its lengths.
        dtype: of its numbers, as stored.
        chunks: what is decoded at one go.
    """

    def __init__(self, file: Path, inside: str):
        import h5py

        self.file, self.inside, self._process = file, inside, os.getpid()
        self._opened = h5py.File(file, "r", locking=False)
        stored = self._opened[inside]
        self.shape: tuple[int, ...] = stored.shape
        self.dtype = np.dtype(stored.dtype)
        self.chunks: tuple[int, ...] = stored.chunks or _runs(stored.shape, self.dtype.itemsize)

    def __getitem__(self, index: Any) -> Any:
        """Read a part."""
        if os.getpid() != self._process:
            import h5py

            self._opened, self._process = h5py.File(self.file, "r", locking=False), os.getpid()
        return self._opened[self.inside][index]

    def close(self) -> None:
        """Close the file."""
        self._opened.close()


def _runs(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return what is worth reading at one go where voxels lie in a row: the last axes."""
    chunks, left = [1] * len(shape), max(1, CONTIGUOUS // itemsize)
    for axis in reversed(range(len(shape))):
        chunks[axis] = min(shape[axis], left)
        left = max(1, left // chunks[axis])
    return tuple(chunks)


def names_of_sets(file: Path, found: Any) -> list[str]:
    """Return the paths of the data sets of numbers in a file that have three or more axes."""
    import h5py

    names: list[str] = []
    seen = 0

    def visit(name: str, each: Any) -> None:
        """Note a data set; HDF5 calls this once for each object, and leaves the file by none."""
        nonlocal seen
        seen += 1
        if seen > _MAX_NAMES:
            refuse(file, f"it holds more than {_MAX_NAMES} groups and data sets", "name the one, FILE.h5/NAME")
        if isinstance(each, h5py.Dataset) and each.ndim >= 3 and each.dtype.kind in "buif":
            names.append(name)

    found.visititems(visit)
    return names


def checked_set(path: Path, file: Path, found: Any, inside: str) -> Any:
    """Return a data set by its path, if its voxels are real numbers in this very file.

    Args:
        path: for messages.
        file: the HDF5 file.
        found: h5py's open file.
        inside: the path of the data set.

    Raises:
        UserError: for what is not there, no data set, in another file, or larger than the file can hold.
    """
    import h5py

    parts = [part for part in inside.split("/") if part]
    for count in range(1, len(parts) + 1):
        link = found.get("/".join(parts[:count]), getlink=True)
        if isinstance(link, h5py.ExternalLink):
            refuse(path, f"{'/'.join(parts[:count])} is in another file, {link.filename!r}", "name that file")
        if link is None:
            break
    stored = found.get("/".join(parts))
    if not isinstance(stored, h5py.Dataset):
        there = names_of_sets(file, found)
        remedy = f"give one of {', '.join(f'{file.name}/{name}' for name in there[:5])}" if there else REMEDY
        refuse(path, f"the file holds no data set {'/'.join(parts)}", remedy, FileNotFoundError)
    if stored.file.filename != found.filename:  # a soft link may lead through one to another file
        refuse(path, f"is in another file, {stored.file.filename!r}", "name that file")
    if stored.is_virtual or stored.external:
        refuse(path, "its voxels are in other files", "copy the data set into one file (h5repack)")
    if stored.dtype.kind not in "buif":
        refuse(path, f"its voxels are {stored.dtype}", "save real numbers (integers or floats)")
    nbytes, size = math.prod(map(int, stored.shape)) * stored.dtype.itemsize, file.stat().st_size
    if nbytes > _MAX_PACKED * size:
        refuse(path, f"its voxels take {nbytes / 1e9:.1f} GB of memory, of {size / 1e6:.2g} MB in the file", REMEDY)
    if nbytes and not stored.id.get_storage_size():
        refuse(path, "its voxels were never written", REMEDY)
    return stored
