"""HDF5 files from elsewhere: nothing is read from outside the file, and no array without its numbers."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from h5py import h5l


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a file to read, once it is sure that none of its links leads outside.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for what is not HDF5, or is cut short or damaged (while it is open, too), or leads to other files.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check its name")
    if not h5py.is_hdf5(path):
        kind, cure = "is not HDF5", "give a NAME.weights.h5 that Keras 3 saved"
        if zipfile.is_zipfile(path):
            kind, cure = "is a zip archive", "unpack it, a .keras file holds a model.weights.h5"
        raise ValueError(f"{path}: {kind}; {cure}")
    try:
        with h5py.File(path, "r") as file:
            _check_links(path, file)
            yield file
    except (OSError, RuntimeError, KeyError) as error:
        cut = "is cut short" if "truncated" in str(error) else "is damaged"
        raise ValueError(f"{path}: {cut} ({error}); copy it again from where it came from") from error


def _check_links(path: Path, file: h5py.File) -> None:
    def leads_outside(name: bytes, link: h5l.LinkInfo) -> bytes | None:
        return None if link.type in (h5l.TYPE_HARD, h5l.TYPE_SOFT) else name

    if (found := file.id.links.visit(leads_outside, info=True)) is not None:
        place = found.decode(errors="replace")
        link = file.get(place, getlink=True)
        where = link.filename if isinstance(link, h5py.ExternalLink) else "that this program does not know"
        raise ValueError(f"{path}: its {place} leads to another file {where}; use a file that stands alone")


def read_floats(path: Path, file: h5py.File, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Read an array of weights.

    Args:
        path: of the file, for messages.
        file: open.
        name: of the array.
        shape: that it has to have.

    Returns:
        float32.

    Raises:
        ValueError: for another shape or kind of number, numbers that lie in another file or nowhere, NaN or infinity.
    """
    array = file[name]
    if array.shape != shape:
        raise ValueError(f"{path}: {name} has the shape {array.shape}, and {shape} fits the other arrays; is it whole?")
    if array.dtype not in (np.float32, np.float16):
        raise ValueError(f"{path}: {name} is {array.dtype} and would lose by it; save it as float32")
    if array.external or array.is_virtual:
        raise ValueError(f"{path}: the numbers of {name} lie in another file; use a file that stands alone")
    if not array.id.get_storage_size():
        raise ValueError(f"{path}: {name} was never written; copy the file again from where it came from")
    values = array[()].astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"{path}: {name} holds NaN or infinite numbers; take another file")
    return values
