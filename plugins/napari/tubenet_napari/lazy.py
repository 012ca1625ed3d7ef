"""A volume on disk as napari indexes it: only what is looked at is read."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from scripts.core import free_memory, refuse, size
from scripts.io import Volume, open_volume

MAX_HELD = 2**28  # bytes: smaller volumes are read at once, for 3-D views
SLAB = 2**27  # bytes of slices that are decoded together and kept
MAX_SHARE = 0.5  # of the free memory, that one view may take


class LazyVolume:
    """A volume on disk, `(Z, Y, X)`, whose voxels are read where they are indexed.

    The slices in the same chunks as the one that was looked at last are kept, if they are not too many, because whoever
    walks through a stack needs them next.

    Args:
        volume: open; it is closed with the array.

    Attributes:
        shape: voxels along Z, Y, X.
        dtype: of the voxels.
    """

    ndim = 3

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        x, y, z = volume.info.shape
        self.shape, self.dtype = (z, y, x), volume.info.dtype
        self._kept: tuple[int, np.ndarray] | None = None  # the first slice, and voxels (z, Y, X)

    @property
    def size(self) -> int:
        """How many voxels there are."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all voxels."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        """Return voxels, as NumPy does for whole numbers and slices.

        Raises:
            UserError: for more than fits into memory, and for voxels that cannot be read.
            IndexError: for any other index.
        """
        bounds, rest = [], []
        for each, side in zip(self._keys(key), self.shape, strict=True):
            if isinstance(each, slice):
                start, stop, step = each.indices(side)
                if step < 1:
                    raise IndexError(f"a step of {step} is not possible here")
                bounds.append((start, max(start, stop)))
                rest.append(slice(None, None, step))
            else:
                at = int(each) + (side if each < 0 else 0)
                if not 0 <= at < side:
                    raise IndexError(f"{each} is not inside {side}")
                bounds.append((at, at + 1))
                rest.append(0)
        return self._read(bounds)[tuple(rest)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all voxels, if they fit into memory."""
        return self[:].astype(dtype or self.dtype, copy=False)

    def _keys(self, key: Any) -> list[Any]:
        keys = list(key) if isinstance(key, tuple) else [key]
        if Ellipsis in [each for each in keys if not isinstance(each, np.ndarray)]:
            at = keys.index(Ellipsis)
            keys[at : at + 1] = [slice(None)] * (self.ndim - len(keys) + 1)
        keys += [slice(None)] * (self.ndim - len(keys))
        if len(keys) > self.ndim or not all(isinstance(each, slice | int | np.integer) for each in keys):
            raise IndexError(f"{key} is no index of whole numbers and slices")
        return keys

    def _read(self, bounds: list[tuple[int, int]]) -> np.ndarray:
        """Return the voxels `(z, y, x)` between bounds along Z, Y, X."""
        asked = prod(stop - start for start, stop in bounds) * self.dtype.itemsize
        free = free_memory()
        if asked > SLAB and free is not None and asked > MAX_SHARE * free:
            problem = f"this view of it takes {size(asked)}, and {size(free)} of memory are free"
            remedy = "hide it, or go back to 2-D; in 3-D look at the labels of a box"
            refuse(self.volume.info.path, problem, remedy)
        (z0, z1), (y0, y1), (x0, x1) = bounds
        thick = self.volume.chunks[2]
        first = z0 // thick * thick
        plane = self.shape[1] * self.shape[2] * self.dtype.itemsize
        if z1 - z0 != 1 or thick == 1 or thick * plane > SLAB:
            return self.volume.read(tuple(bounds[::-1])).transpose(2, 1, 0)
        kept = self._kept
        if kept is None or kept[0] != first:
            box = ((0, self.shape[2]), (0, self.shape[1]), (first, min(first + thick, self.shape[0])))
            kept = self._kept = first, self.volume.read(box).transpose(2, 1, 0)
        return kept[1][z0 - first : z1 - first, y0:y1, x0:x1]


def open_lazily(volume: Volume) -> np.ndarray | LazyVolume:
    """Return the voxels `(Z, Y, X)` of an open volume: in memory if they are few, else read where they are indexed."""
    if volume.info.nbytes > MAX_HELD:
        return LazyVolume(volume)
    with volume:
        return volume.read(tuple((0, side) for side in volume.info.shape)).transpose(2, 1, 0)


def for_a_thread(data: Any) -> Any:
    """Return what a thread may read while the viewer goes on: a copy, or a volume on disk that is opened once more."""
    if isinstance(data, LazyVolume):
        return open_lazily(open_volume(data.volume.info.path, data.volume.info.channel))
    return data.copy() if isinstance(data, np.ndarray) else data


def contrast_of(data: np.ndarray | LazyVolume) -> tuple[float, float] | None:
    """Return intensities to show from black to white, by a block in the middle and the slices there, or None."""
    middle = tuple(slice(max(0, side // 2 - 32), side // 2 + 32) for side in data.shape)
    seen = np.asarray(data[middle] if isinstance(data, LazyVolume) else data[:: max(1, len(data) // 32)])
    low, high = np.percentile(seen, (0.1, 99.9))
    return (float(low), float(high)) if high > low else None
