"""Read HDF5 files from elsewhere: follow no link out of them, report any fault in one line."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from h5py import h5l

from scripts.core import UserError, refuse

MAX_ENTRIES = 5000  # weights and optimiser have a few hundred; in deep nests, names grow with the square


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading after checking that none of its links leads to another file.

    Raises:
        UserError: if the file is missing, is not HDF5, is cut short or damaged, or links to other files.
        OSError: if it may not be read.
    """
    if not path.is_file():
        refuse(path, "is not a file" if path.exists() else "no such file", "check its name", FileNotFoundError)
    with path.open("rb"):  # raises a clear error if it may not be read
        pass
    if not h5py.is_hdf5(path):
        kind, cure = "is not HDF5", "give a NAME.weights.h5 that Keras 3 saved"
        if zipfile.is_zipfile(path):
            kind = "is a zip archive"
            cure = "a .keras file holds a model.weights.h5, unpack it; a .pt is this bundle's own already"
        refuse(path, kind, cure)
    with _damage_told(path):
        file = h5py.File(path, "r")
    with file:
        with _damage_told(path):
            _check_links(path, file)
        yield file


def array_shapes(path: Path, file: h5py.File) -> dict[str, tuple[int, ...]]:
    """Return the shape of every array by name; `()` for an array without numbers.

    Raises:
        UserError: if the file is damaged.
    """
    shapes: dict[str, tuple[int, ...]] = {}

    def keep(name: str | bytes, entry: h5py.HLObject) -> None:
        if isinstance(entry, h5py.Dataset):
            shapes[name if isinstance(name, str) else name.decode(errors="replace")] = entry.shape or ()

    with _damage_told(path):
        file.visititems(keep)
    return shapes


def read_floats(path: Path, file: h5py.File, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Read an array of weights.

    Args:
        path: path of the file, for error messages.
        file: the open file.
        name: name of the array in the file.
        shape: shape that the array must have.

    Returns:
        The array in float32.

    Raises:
        UserError: if the array has another shape or number type, is stored in another file or was never written, or
            holds NaN or infinity; or if the file is damaged.
    """
    with _damage_told(path):
        array = file[name]
        if array.shape != shape:
            refuse(path, f"{name} has the shape {array.shape}, where {shape} fits the rest", "is it whole?")
        if array.dtype.kind != "f" or array.dtype.itemsize > 4:
            refuse(path, f"the numbers of {name} are {array.dtype}", "save them as float32")
        if array.external or array.is_virtual:
            refuse(path, f"the numbers of {name} lie in another file", "use a file that stands alone")
        if not array.id.get_storage_size():
            refuse(path, f"{name} was never written", "copy the file again from where it came from")
        values = array[()].astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        refuse(path, f"{name} holds NaN or infinite numbers", "take another file")
    return values


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn whatever h5py raises for a damaged file (it may be anything) into a one-line refusal."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        cut = "is cut short" if "truncated" in str(error) else "is damaged"
        refuse(path, f"{cut} ({error})", "copy it again from where it came from")


def _check_links(path: Path, file: h5py.File) -> None:
    seen = 0

    def stops_at(name: bytes, link: h5l.LinkInfo) -> bytes | None:
        nonlocal seen
        seen += 1
        return name if link.type not in (h5l.TYPE_HARD, h5l.TYPE_SOFT) or seen > MAX_ENTRIES else None

    found = file.id.links.visit(stops_at, info=True)
    if seen > MAX_ENTRIES:
        refuse(path, f"holds more than {MAX_ENTRIES} entries", "weights have a few hundred: is it another file?")
    if found is not None:
        place = found.decode(errors="replace")
        link = file.get(place, getlink=True)
        where = repr(link.filename) if isinstance(link, h5py.ExternalLink) else "that this program does not know"
        refuse(path, f"its {place!r} leads to another file {where}", "use a file that stands alone")
