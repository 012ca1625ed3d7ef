"""A Zarr array that block-wise work writes into and reads from: `BlockArray`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import Box, box_text, make_folder, read_json, refuse, refuse_failures, write_text

from ..axes import VolumeAxes
from ..opened import refuse_unreadable

METADATA = "zarr.json"
LEVEL = 3  # of zstd: its own default, at which writing costs less than a network's window
_REMEDY = "make it again"
_AXES = ((slice(None),) * 3, (2, 1, 0))  # stored (Z, Y, X)


def blosc(dtype: np.dtype, zarr_format: int) -> Any:
    """Return the compression of what this package writes: zstd behind a shuffle."""
    if zarr_format == 3:
        from zarr.codecs import BloscCodec

        shuffle: Any = "shuffle" if dtype.itemsize > 1 else "bitshuffle"
        return BloscCodec(cname="zstd", clevel=LEVEL, shuffle=shuffle, typesize=dtype.itemsize)
    from numcodecs import Blosc

    return Blosc("zstd", LEVEL, Blosc.SHUFFLE if dtype.itemsize > 1 else Blosc.BITSHUFFLE)


def chunk_name(stored: Any, place: tuple[int, ...]) -> str:
    """Return what a message calls a chunk: the name of its file in the folder.

    Args:
        stored: zarr's array.
        place: of the chunk in the grid of chunks.
    """
    if stored.shards:  # several chunks are in one file
        place = tuple(at * chunk // shard for at, chunk, shard in zip(place, stored.chunks, stored.shards, strict=True))
    name = "/".join(filter(None, [stored.path, stored.metadata.encode_chunk_key(place)]))
    return f"chunk {name}"


def storable(dtype: np.dtype) -> np.dtype:
    """Return the type in which a Zarr holds voxels of another."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    return dtype if dtype.itemsize <= np.dtype(np.float64).itemsize else np.dtype(np.float64)


class BlockArray:
    """A Zarr array of `(X, Y, Z)`, written and read box by box.

    It is stored `(Z, Y, X)`, as OME-Zarr has it, in Zarr format 3, compressed by zstd behind a shuffle. A chunk that
    was never written, or holds nothing but zeros, takes no file. Each chunk is written whole or not at all, so that a
    killed process leaves the old or the new one. Two processes may write at once if no chunk is written by both. It may
    be sent to another process.

    Attributes:
        path: its folder.
        shape: voxels along X, Y, Z.
        dtype: of the voxels, in native byte order.
        chunks: voxels of a chunk along X, Y, Z.
        stored: zarr's own array, `(Z, Y, X)`.
        axes: where its X, Y and Z are.
    """

    def __init__(self, path: Path, stored: Any):
        """Store the folder and zarr's array in it."""
        self.path, self.stored = path, stored
        self.shape: tuple[int, int, int] = stored.shape[::-1]
        self.chunks: tuple[int, int, int] = stored.chunks[::-1]
        self.dtype = np.dtype(stored.dtype).newbyteorder("=")
        self.axes = VolumeAxes(*_AXES, self.shape)

    @classmethod
    def create(
        cls, path: Path, shape: Sequence[int], dtype: Any, chunks: Sequence[int], compressed: bool = True
    ) -> BlockArray:
        """Make an array of zeros.

        Args:
            path: its folder, not there yet or empty.
            shape: voxels along X, Y, Z.
            dtype: of the voxels, any integer or float that Zarr has.
            chunks: voxels of a chunk along X, Y, Z.
            compressed: whether to; what lives for a short time and is all noise gains nothing by it.

        Raises:
            UserError: if there is something already, or it cannot be written.
        """
        import zarr

        path = Path(path)
        make_folder(path)
        dtype = np.dtype(dtype)
        with refuse_failures(path, "cannot be written", "choose another folder"):
            if any(path.iterdir()):
                refuse(path, "there is something in this folder already", "choose another", FileExistsError)
            stored = zarr.create_array(
                str(path),
                shape=tuple(map(int, shape))[::-1],
                dtype=dtype,
                chunks=tuple(map(int, chunks))[::-1],
                compressors=blosc(dtype, 3) if compressed else None,
                fill_value=0,
                dimension_names=("z", "y", "x"),
                zarr_format=3,
            )
        return cls(path, stored)

    @classmethod
    def open(cls, path: Path) -> BlockArray:
        """Open an array that `create` has made.

        Raises:
            UserError: if there is none.
        """
        import zarr

        path = Path(path)
        with refuse_failures(path, "cannot be opened", _REMEDY):
            stored = zarr.open_array(str(path), mode="r+", zarr_format=3)
            if stored.ndim != 3:
                refuse(path, f"its array has {stored.ndim} axes and not three", _REMEDY)
            return cls(path, stored)

    @staticmethod
    def is_begun(path: Path) -> bool:
        """Tell whether there is an array, complete or not, and not only its folder."""
        return (path / METADATA).is_file()

    @classmethod
    def resume(cls, path: Path) -> BlockArray | None:
        """Open what a process that was killed has left, for this one alone.

        What it had written of a chunk is removed, and so is a folder in which there is no array yet.

        Returns:
            The array, or None.
        """
        if not cls.is_begun(path):
            shutil.rmtree(path, ignore_errors=True)
            return None
        for part in path.rglob("*.partial"):  # zarr's name for a chunk that is being written
            part.unlink()
        return cls.open(path)

    def read(self, box: Box) -> np.ndarray:
        """Return the voxels of a box, `(x, y, z)`: a copy.

        Raises:
            UserError: for a chunk that cannot be decoded; it is named.
        """
        index = self._index(box)
        try:
            stored = np.asarray(self.stored[index])
        except Exception as error:
            refuse_unreadable(
                self.path, self.stored, index, error, self.stored.chunks, partial(chunk_name, self.stored)
            )
        return stored.transpose()  # (x, y, z)

    def write(self, box: Box, array: np.ndarray) -> None:
        """Write the voxels of a box.

        Args:
            box: where. Chunks that lie in it only in part are read first.
            array: `(x, y, z)`.

        Raises:
            UserError: for a full disk, or one that fails.
        """
        index = self._index(box)
        voxels = np.ascontiguousarray(np.asarray(array, self.dtype).transpose())  # (z, y, x)
        with refuse_failures(
            self.path, f"the voxels {box_text(box)} cannot be written", "make room, or check the disk"
        ):
            self.stored[index] = voxels

    @property
    def attributes(self) -> dict[str, Any]:
        """What is noted beside the voxels, fit for JSON; read from disk each time."""
        return dict(self._metadata().get("attributes", {}))

    def update_attributes(self, **values: Any) -> None:
        """Note something beside the voxels, whole or not at all; other notes stay.

        Raises:
            UserError: if it cannot be written.
        """
        metadata = self._metadata()
        metadata["attributes"] = {**metadata.get("attributes", {}), **values}
        write_text(self.path / METADATA, json.dumps(metadata, indent=2))

    def _metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = read_json(self.path / METADATA, _REMEDY)
        return metadata

    def _index(self, box: Box) -> tuple[slice, ...]:
        if len(box) != 3 or any(not 0 <= a <= b <= n for (a, b), n in zip(box, self.shape, strict=False)):
            raise IndexError(f"{self.path}: the box {box_text(box)} is not inside {self.shape}")
        return tuple(slice(*bounds) for bounds in box[::-1])

    def __reduce__(self) -> tuple[Callable[[Path], BlockArray], tuple[Path]]:
        """Pickle its folder."""
        return BlockArray.open, (self.path,)
