"""A volume on disk whose voxels are read box by box: `Volume`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import numpy as np

from scripts.core import Box, box_text, refuse, refuse_failures

from .axes import VolumeAxes
from .volume import VolumeInfo

MAPPED_CHUNK = 2**16  # bytes that a mapped file is taken to be read in: the system reads ahead by about as many
HELD_CHUNK = 64  # voxels along each side where all are in memory
_REMEDY = "copy or export it again"


class Volume:
    """A volume on disk whose voxels are read box by box.

    It is a context manager. It may be sent to another process, which then opens the file itself.

    Args:
        info: of `read_header`.
        chunks: see below.
        opener: a function that opens it once more, in another process, and its arguments.

    Attributes:
        info: as `read_header` gives it.
        chunks: voxels along X, Y, Z that are decoded at one go; reading fewer of them costs as much. They lie side by
            side from voxel 0, the last of each axis cut short.
    """

    def __init__(self, info: VolumeInfo, chunks: tuple[int, int, int], opener: tuple[Callable[..., Volume], Any]):
        self.info, self.chunks, self._opener = info, chunks, opener

    def read(self, box: Box) -> np.ndarray:
        """Return the voxels of a box, `(x, y, z)`, of `info.dtype` in native byte order: a copy.

        Raises:
            UserError: for voxels that cannot be decoded, which names the chunk, or are NaN or infinite.
            IndexError: for a box that reaches outside the volume.
        """
        if len(box) != 3 or any(not 0 <= a <= b <= n for (a, b), n in zip(box, self.info.shape, strict=False)):
            raise IndexError(f"{self.info.path}: the box {box_text(box)} is not inside {self.info.shape}")
        voxels = self._read(box)
        refuse_non_finite(self.info.path, voxels, box)
        return voxels

    def _read(self, box: Box) -> np.ndarray:
        raise NotImplementedError

    def close(self) -> None:
        """Close the file, and remove what was unpacked from it."""

    def __enter__(self) -> Volume:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def __reduce__(self) -> tuple[Callable[..., Volume], Any]:
        """Pickle what opens it again."""
        return self._opener


class StoredVolume(Volume):
    """A volume in an array that is indexed as NumPy's are and read only where it is.

    Args:
        info: as in `Volume`.
        stored: a mapped file, a Zarr array or an array in memory.
        axes: which of its axes are X, Y and Z.
        opener: as in `Volume`.
        values: from stored numbers to voxels, both `(x, y, z)`.
        mirrored: whether X, Y and Z run against the stored axes.
        closing: what closes the file.
        name_of: says which file or part holds a chunk, by its place in the grid of stored chunks.
    """

    def __init__(
        self,
        info: VolumeInfo,
        stored: Any,
        axes: VolumeAxes,
        opener: tuple[Callable[..., Volume], Any],
        *,
        values: Callable[[np.ndarray], np.ndarray] | None = None,
        mirrored: tuple[bool, bool, bool] = (False, False, False),
        closing: Callable[[], None] | None = None,
        name_of: Callable[[tuple[int, ...]], str] = lambda place: f"chunk {'.'.join(map(str, place))}",
    ):
        self._stored, self._axes, self._values, self._mirrored = stored, axes, values, mirrored
        self._closing, self._name_of = closing, name_of
        self._kept = [at for at, each in enumerate(axes.index) if not isinstance(each, int)]  # stored axes that stay
        self._chunks = stored.chunks if hasattr(stored, "chunks") else _chunks_in_memory(stored)
        x, y, z = (min(self._chunks[self._kept[at]], n) for at, n in zip(axes.order, info.shape, strict=True))
        super().__init__(info, (x, y, z), opener)

    def close(self) -> None:
        """Close the file; what is read afterwards fails."""
        closing, self._closing, self._stored = self._closing, None, None
        if closing is not None:
            closing()

    def _read(self, box: Box) -> np.ndarray:
        index = self._index(box)
        try:
            stored = np.asarray(self._stored[index])
        except Exception as error:
            refuse_unreadable(self.info.path, self._stored, index, error, self._chunks, self._name_of)
        voxels = stored.transpose(self._axes.order)  # (x, y, z)
        flips = tuple(slice(None, None, -1) if each else slice(None) for each in self._mirrored)
        voxels = np.array(voxels[flips], voxels.dtype.newbyteorder("="), order="K")
        return voxels if self._values is None else self._values(voxels)

    def _index(self, box: Box) -> tuple[int | slice, ...]:
        """Return the index of a box in the stored array."""
        index = list(self._axes.index)
        for at, bounds, length, turned in zip(self._axes.order, box, self.info.shape, self._mirrored, strict=True):
            start, stop = (length - bounds[1], length - bounds[0]) if turned else bounds
            index[self._kept[at]] = slice(start, stop)
        return tuple(index)

    def add_closing(self, closing: Callable[[], Any]) -> None:
        """Add what is to be done when it is closed, after the file is."""
        before = self._closing

        def both() -> None:
            if before is not None:
                before()
            closing()

        self._closing = both


def refuse_unreadable(
    path: Path,
    stored: Any,
    index: tuple[int | slice, ...],
    error: Exception,
    chunks: tuple[int, ...],
    name_of: Callable[[tuple[int, ...]], str],
) -> NoReturn:
    """Refuse by the name of the first chunk that cannot be read.

    Args:
        path: the file, for messages.
        stored: the array that it is in.
        index: that could not be read.
        error: what was raised.
        chunks: lengths of a chunk along the stored axes.
        name_of: says what holds a chunk, by its place in their grid.

    Raises:
        UserError: always.
    """
    for place, part in parts_of(index, chunks, stored.shape):
        with refuse_failures(path, f"its {name_of(place)} cannot be read", _REMEDY):
            np.asarray(stored[part])
    with refuse_failures(path, "its voxels cannot be read", _REMEDY):
        raise error
    raise AssertionError  # not reached


def parts_of(
    index: tuple[int | slice, ...], chunks: tuple[int, ...], shape: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Yield the place and the index of each stored chunk that an index touches.

    Args:
        index: of stored axes.
        chunks: lengths of a chunk along them.
        shape: of the array.
    """
    runs = []
    for each, chunk, length in zip(index, chunks, shape, strict=True):
        whole = each.indices(length) if isinstance(each, slice) else (each, each + 1)
        ats = range(whole[0] // chunk, -(-whole[1] // chunk))
        runs.append([(at, slice(at * chunk, min(length, (at + 1) * chunk))) for at in ats])
    for parts in product(*runs):
        yield tuple(at for at, _ in parts), tuple(part for _, part in parts)


def _chunks_in_memory(array: np.ndarray) -> tuple[int, ...]:
    """Return what is worth reading at one go of an array in memory, or of a mapped file.

    That is a whole run of voxels that lie side by side, as far as the system reads ahead.
    """
    if not isinstance(array, np.memmap):
        return tuple(min(HELD_CHUNK, length) for length in array.shape)
    chunks, left = [1] * array.ndim, max(1, MAPPED_CHUNK // array.itemsize)
    for axis in np.argsort(np.abs(array.strides), kind="stable"):
        chunks[axis] = min(array.shape[axis], left)
        left = max(1, left // chunks[axis])
    return tuple(chunks)


def refuse_non_finite(path: Path, voxels: np.ndarray, box: Box | None = None) -> None:
    """Refuse voxels that are NaN or infinite.

    Args:
        path: the file, for messages.
        voxels: `(X, Y, Z)`.
        box: where they lie in the volume, if they are not all of it.

    Raises:
        UserError: with their number and the first of them.
    """
    if voxels.dtype.kind != "f" or not voxels.size:
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
        corner = [start for start, _ in box] if box is not None else [0, 0, 0]
        where = ", ".join(f"{letter}={i + start}" for letter, i, start in zip("xyz", first, corner, strict=True))
        part = f" of {box_text(box)}" if box is not None else ""
        problem = f"{count} voxels{part} are NaN or infinite, the first at {where}"
        refuse(path, problem, "replace them by a number (numpy.nan_to_num) and save it again")
