"""Zarr out, as the file to resemble: OME-Zarr with a pyramid, 0.4 or 0.5, or a plain array."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import move, read_json, refuse, write_text

from ..formats import ZARR_MARKS, split_name
from ..units import in_unit
from ..volume import Geometry, Slabs
from .array import METADATA, BlockArray, blosc
from .node import REMEDY
from .ome import VERSIONS, Level, image_attributes
from .pyramid import blocks_of, factors_of, fill_level
from .reader import OURS

logger = logging.getLogger(__name__)

CHUNK = 128  # voxels along each side, where there is no file to resemble
_MIN_CHUNK, _MAX_CHUNK = 2**12, 2**25  # voxels of a chunk of the file to resemble, to be taken over
_SLAB = 2**25  # voxels that are asked for at once
_NAMES = {"µm": "micrometer", "nm": "nanometer", "mm": "millimeter", "cm": "centimeter", "m": "meter", "inch": "inch"}
_NAMES |= {"Å": "angstrom"}

Read = Callable[[tuple[slice, ...]], np.ndarray]
"""Returns the voxels `(z, y, x)` of an index of (Z, Y, X), or `(K, z, y, x)` of all channels."""


def write_zarr(path: Path, array: np.ndarray, geometry: Geometry, metadata: Mapping[str, Any], name: str) -> None:
    """Write an array into a folder, not atomically.

    Args:
        path: the folder, which is empty.
        array: `(X, Y, Z)` or `(K, X, Y, Z)`, uint8, uint16 or float32.
        geometry: where it lies. OME-Zarr holds voxel size and origin; an orientation is lost, with a warning.
        metadata: of `as_metadata`.
        name: the name that the folder will have.
    """
    stored = array.swapaxes(-3, -1)  # (Z, Y, X) or (K, Z, Y, X)
    plan = _Plan(path, name, geometry, stored.ndim)
    _fill(plan, lambda index: stored[_behind(index)], stored.shape, stored.dtype, metadata)


def _behind(index: tuple[slice, ...]) -> Any:
    """Return an index of the last three axes."""
    return (..., *index)


def stream_zarr(path: Path, slabs: Slabs, geometry: Geometry, metadata: Mapping[str, Any], name: str) -> None:
    """Write voxels slab by slab into a folder, not atomically.

    Args:
        path: the folder, which is empty.
        slabs: the voxels.
        geometry: as in `write_zarr`.
        metadata: of `as_metadata`.
        name: the name that the folder will have.
    """

    def read(index: tuple[slice, ...]) -> np.ndarray:
        """Return the voxels of an index of (Z, Y, X)."""
        return slabs.read(tuple((each.start, each.stop) for each in index[::-1])).swapaxes(-3, -1)  # (..., z, y, x)

    shape = (*slabs.shape[:-3], *slabs.shape[:-4:-1])  # (Z, Y, X) or (K, Z, Y, X)
    _fill(_Plan(path, name, geometry, len(shape)), read, shape, slabs.dtype, metadata)


def finish_blocks(path: Path, array: BlockArray, geometry: Geometry, metadata: Mapping[str, Any], name: str) -> None:
    """Make a `BlockArray` the finest level of an image in a folder; no voxel is copied.

    On failure the array is where it was.

    Args:
        path: the folder, which is empty and in the same file system as the array.
        array: the voxels; its attributes are dropped.
        geometry: as in `write_zarr`.
        metadata: of `as_metadata`.
        name: the name that the folder will have.
    """
    plan = _Plan(path, name, geometry, 3)
    if not plan.plain:
        _add_levels(plan, array.stored, metadata)
    target = path if plan.plain else path / "0"
    if plan.plain:
        path.rmdir()
    move(array.path, target)
    try:
        _take_over(target, plan, metadata)
    except BaseException:
        if (target / METADATA).exists():
            move(target, array.path)
        raise


class _Plan:
    """What a result is to be like, decided by the file to resemble.

    Args:
        path: the folder.
        name: that it will have.
        geometry: of the result.
        ndim: how many axes are stored, the last three Z, Y, X.
    """

    def __init__(self, path: Path, name: str, geometry: Geometry, ndim: int):
        source = geometry.source
        self.path, self.name, self.geometry = path, split_name(name)[0], geometry
        self.plain = source.get("kind") == "zarr" and not name.lower().endswith(".ome.zarr")
        self.zarr_format: Any = source.get("zarr_format", 3)
        self.version = VERSIONS[self.zarr_format]
        self.names = (["c"] * (ndim - 3)) + ["z", "y", "x"]
        liked = tuple(source.get("chunks", ()))[::-1]  # of Z, Y, X
        if len(liked) != 3 or not _MIN_CHUNK <= math.prod(liked) <= _MAX_CHUNK:
            liked = (CHUNK,) * 3
        self.chunks = (1,) * (ndim - 3) + liked

    def create(self, inside: str, shape: Sequence[int], dtype: Any) -> Any:
        """Make an array of zeros in the folder."""
        import zarr

        dtype = np.dtype(dtype)
        three = self.zarr_format == 3
        return zarr.create_array(
            str(self.path),
            name=inside or None,
            shape=tuple(shape),
            dtype=dtype,
            chunks=tuple(min(chunk, length) for chunk, length in zip(self.chunks, shape, strict=True)),
            compressors=blosc(dtype, self.zarr_format),
            fill_value=0,
            dimension_names=self.names if three else None,
            chunk_key_encoding={"name": "default" if three else "v2", "separator": "/"},
            zarr_format=self.zarr_format,
        )

    def space(self) -> tuple[list[float], list[float], list[str]]:
        """Return scale, translation (or nothing) and units, of X, Y, Z, as the result states them."""
        geometry, source = self.geometry, self.geometry.source
        if source.get("kind") == "ome-zarr" and (geometry.unmoved or not geometry.unit):
            return list(source["scale"]), list(source["translation"]), list(source["units"])
        sizes, origin = geometry.voxel_size, geometry.affine[:3, 3]
        if not np.allclose(geometry.affine[:3, :3], np.diag(sizes)):
            logger.warning("%s: OME-Zarr holds voxel size and origin, not the orientation of the volume", self.path)
            origin = np.zeros(3)  # which would be of axes that run another way
        unit = geometry.unit
        stated = [in_unit(place, unit) for place in origin] if origin.any() else []
        return [in_unit(size, unit) for size in sizes], stated, [_NAMES.get(unit, "")] * 3


def _fill(plan: _Plan, read: Read, shape: Sequence[int], dtype: np.dtype, metadata: Mapping[str, Any]) -> None:
    """Write the voxels, in the order in which they are stored, and all that goes with them."""
    stored = plan.create("" if plan.plain else "0", shape, dtype)
    lead = len(shape) - 3
    for index in blocks_of(shape[lead:], stored.chunks[lead:], _SLAB // math.prod(shape[:lead])):
        stored[(slice(None),) * lead + index] = read(index)
    if plan.plain:
        _note(plan.path, plan.zarr_format, _plain_attributes(plan, metadata))
    else:
        _add_levels(plan, stored, metadata)


def _add_levels(plan: _Plan, finest: Any, metadata: Mapping[str, Any]) -> None:
    """Write the coarser levels of an image, and the group that states where they lie."""
    scale, translation, units = plan.space()
    lead = finest.ndim - 3
    sizes, place = scale[::-1], (translation or [0.0] * 3)[::-1]  # Z, Y, X
    mean = finest.dtype.kind == "f"
    levels, array = [_level("0", sizes, place, lead, bool(translation))], finest
    while max(factors := factors_of(array.shape[lead:], sizes)) > 1:
        shape = [-(-length // factor) for length, factor in zip(array.shape[lead:], factors, strict=True)]
        coarser = plan.create(str(len(levels)), (*array.shape[:lead], *shape), finest.dtype)
        fill_level(array, coarser, factors, mean)
        if mean:  # the middle of two voxels
            place = [at + (factor - 1) * size / 2 for at, factor, size in zip(place, factors, sizes, strict=True)]
        sizes = [size * factor for size, factor in zip(sizes, factors, strict=True)]
        levels.append(_level(str(len(levels)), sizes, place, lead, bool(translation)))
        array = coarser
    axes: list[dict[str, Any]] = [{"name": "c", "type": "channel"}] * lead
    for name, unit in zip("zyx", units[::-1], strict=True):
        axes.append({"name": name, "type": "space", **({"unit": unit} if unit else {})})
    attributes = {**image_attributes(plan.version, plan.name, axes, levels), OURS: dict(metadata)}
    _note(plan.path, plan.zarr_format, attributes, group=True)


def _level(name: str, sizes: Sequence[float], place: Sequence[float], lead: int, stated: bool) -> Level:
    further = [0.0] * lead
    at = (*further, *place) if stated or any(place) else ()
    return Level(name, (*[1.0] * lead, *sizes), at)


def _plain_attributes(plan: _Plan, metadata: Mapping[str, Any]) -> dict[str, Any]:
    named = plan.zarr_format == 2 and plan.geometry.source.get("dimensions")
    return {**({"_ARRAY_DIMENSIONS": plan.names} if named else {}), OURS: dict(metadata)}


def _note(folder: Path, zarr_format: int, attributes: Mapping[str, Any], group: bool = False) -> None:
    """Write the attributes of an array that is there, or of a group, which this makes."""
    if zarr_format == 2:
        if group:
            write_text(folder / ".zgroup", json.dumps({"zarr_format": 2}))
        write_text(folder / ".zattrs", json.dumps(attributes, indent=2))
        return
    metadata = {"zarr_format": 3, "node_type": "group"} if group else read_json(folder / METADATA, REMEDY)
    write_text(folder / METADATA, json.dumps({**metadata, "attributes": dict(attributes)}, indent=2))


def _take_over(folder: Path, plan: _Plan, metadata: Mapping[str, Any]) -> None:
    """Make the folder of a `BlockArray` an array of the result's format, in place."""
    attributes = _plain_attributes(plan, metadata) if plan.plain else {}
    if plan.zarr_format == 3:
        _note(folder, 3, attributes)
        return
    import zarr

    stored = zarr.open_array(str(folder), mode="r", zarr_format=3)
    stated = {
        "zarr_format": 2,
        "shape": stored.shape,
        "chunks": stored.chunks,
        "dtype": stored.dtype.newbyteorder("<").str,
        "compressor": blosc(stored.dtype, 2).get_config(),
        "fill_value": 0,
        "order": "C",
        "filters": None,
        "dimension_separator": "/",
    }
    write_text(folder / ".zarray", json.dumps(stated, indent=2))
    if attributes:
        write_text(folder / ".zattrs", json.dumps(attributes, indent=2))
    if (folder / "c").is_dir():  # the chunks have the same bytes in both formats, and other names
        chunks = list((folder / "c").iterdir())
        try:
            for each in chunks:
                move(each, folder / each.name)
        except BaseException:
            for each in chunks:
                if not each.exists():
                    move(folder / each.name, each)
            raise
        (folder / "c").rmdir()
    (folder / METADATA).unlink()


def check_replaceable(path: Path) -> None:
    """Refuse to replace what is no Zarr.

    Raises:
        UserError: if there is a file, or a folder with something else in it.
    """
    if path.exists() and not path.is_dir():
        refuse(path, "is a file, and a Zarr is a folder", "move it, or choose another name", FileExistsError)
    if path.is_dir() and any(path.iterdir()) and not any((path / mark).is_file() for mark in ZARR_MARKS):
        refuse(path, "is a folder with something else in it", "move it, or choose another name", FileExistsError)
