"""Zarr in: a plain array, or a resolution of an OME-Zarr image, stored in any order of axes."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import Box, refuse

from ..axes import VolumeAxes, choose_volume
from ..formats import check_level
from ..memory import check_memory
from ..metadata import parse_metadata
from ..opened import StoredVolume, Volume, parts_of
from ..units import canonical_unit, millimetres
from ..volume import VolumeInfo
from .array import chunk_name
from .node import REMEDY, Node, open_array, read_node
from .ome import Level, OmeImage, ome_attributes, read_image

logger = logging.getLogger(__name__)

OURS = "tubenet"
"""The attribute under which our own metadata stand."""
_PLAIN = {"x": "X", "y": "Y", "z": "Z", "t": "T", "time": "T", "c": "C", "channel": "C"}
_MAX_VOXELS_AWAY = 1e12
_MAX_LISTED = 10**6  # chunks of which it is looked up whether they are there
_RAW2ZARR = "bioformats2raw.layout"


def read_zarr_header(path: Path, channel: int | str | None = None, level: int = 0) -> VolumeInfo:
    """Read and check all that the metadata say.

    Args:
        path: the folder.
        channel: as in `read_header`.
        level: as in `read_header`.

    Raises:
        UserError: for what is no Zarr array or OME-Zarr image, or holds several; for metadata that are damaged or
            contradict each other; for what is not one volume, or has no such level.
    """
    return _describe(path, channel, level).info


def read_zarr(path: Path, channel: int | str | None = None, level: int = 0) -> tuple[VolumeInfo, np.ndarray]:
    """Read a volume: its header, and its voxels `(X, Y, Z)` in native byte order.

    Args:
        path: the folder.
        channel: as in `read_header`.
        level: as in `read_header`.

    Raises:
        UserError: as `open_zarr`; also for one that is larger than the free memory, or a chunk that cannot be read.
    """
    with open_zarr(path, channel, level) as volume:
        check_memory(path, volume.info.nbytes)
        box: Box = tuple((0, length) for length in volume.info.shape)
        return volume.info, volume.read(box)


def open_zarr(path: Path, channel: int | str | None = None, level: int = 0) -> Volume:
    """Open a volume whose chunks are read when they are needed.

    Chunks that are not there hold the array's fill value, as Zarr has it; the log tells of them, unless this package
    wrote the file.

    Args:
        path: the folder.
        channel: as in `read_header`.
        level: as in `read_header`.

    Raises:
        UserError: as `read_zarr_header`; also for a chunk that is larger than the free memory.
    """
    found = _describe(path, channel, level)
    check_memory(path, math.prod(found.stored.chunks) * found.stored.dtype.itemsize)
    if not found.is_ours:
        _tell_missing(path, found.stored)
    return _ZarrVolume(found.info, found.stored, found.axes, (open_zarr, (path, channel, level)))


class _ZarrVolume(StoredVolume):
    """A volume in a Zarr array; a missing chunk is refused where no fill value is stated."""

    def __init__(self, info: VolumeInfo, stored: Any, axes: VolumeAxes, opener: Any):
        super().__init__(info, stored, axes, opener, name_of=partial(chunk_name, stored))

    def _read(self, box: Box) -> np.ndarray:
        if self._stored.fill_value is None:  # format 2 alone has it
            for place, _ in parts_of(self._index(box), self._stored.chunks, self._stored.shape):
                if not (self.info.path / chunk_file(self._stored, place)).exists():
                    refuse(self.info.path, f"its {chunk_name(self._stored, place)} is not there", REMEDY)
        return super()._read(box)


def chunk_file(stored: Any, place: Sequence[int]) -> str:
    """Return where a chunk lies in the volume's folder."""
    return chunk_name(stored, tuple(place)).partition(" ")[2]


@dataclass(frozen=True)
class _Found:
    info: VolumeInfo
    axes: VolumeAxes
    stored: Any
    is_ours: bool


def _describe(path: Path, channel: int | str | None, level: int) -> _Found:
    node = read_node(path)
    inside = ""
    if not node.is_array:
        inside, node = _image_in(path, node)
    return _array(path, node, channel, level) if node.is_array else _image(path, inside, node, channel, level)


def _image_in(path: Path, node: Node) -> tuple[str, Node]:
    """Return the group of the one image in a folder, and its path in it."""
    attributes = ome_attributes(node)
    if "multiscales" in attributes:
        return "", node
    for kind, what in (("plate", "the wells of a plate"), ("well", "the fields of a well")):
        if kind in attributes:
            refuse(path, f"it holds {what} and not one volume", f"give one image in it, such as {path}/A/1/0")
    numbered = sorted((each.name for each in path.iterdir() if each.name.isdigit()), key=int)
    if node.attributes.get(_RAW2ZARR) or attributes.get(_RAW2ZARR):
        if len(numbered) > 1:
            found = f"it holds {len(numbered)} images, {', '.join(numbered[:5])}"
            refuse(path, f"{found}, and not one", f"give one of them, such as {path}/{numbered[0]}")
        if numbered:
            inner = read_node(path / numbered[0])
            if not inner.is_array and "multiscales" in ome_attributes(inner):
                return numbered[0], inner
    arrays = [each.name for each in sorted(path.iterdir()) if each.is_dir() and _is_array(each)]
    remedy = f"give one of them, such as {path}/{arrays[0]}" if arrays else "give an OME-Zarr image, or an array"
    holds = f", it holds the arrays {', '.join(arrays[:5])}" if arrays else ""
    refuse(path, f"is a Zarr group and no image (it has no multiscales){holds}", remedy)


def _is_array(folder: Path) -> bool:
    try:
        return read_node(folder).is_array
    except ValueError:
        return False


def _array(path: Path, node: Node, channel: int | str | None, level: int) -> _Found:
    """Describe a plain array, whose last axes are Z, Y, X unless their names say something else."""
    stored = open_array(path, "", node)
    check_level(path, level, 1)
    names = getattr(stored.metadata, "dimension_names", None) or node.attributes.get("_ARRAY_DIMENSIONS") or ()
    letters = _plain_letters(stored.ndim, names)
    source = {"kind": "zarr", "dimensions": [str(name) for name in names] if len(names) == stored.ndim else []}
    return _found(path, node, stored, letters, channel, np.eye(4), "", False, source)


def _plain_letters(ndim: int, names: Sequence[Any]) -> str:
    letters = [_PLAIN.get(str(name).lower(), "") for name in names] if isinstance(names, Sequence) else []
    others = iter("UVWSP")
    letters = [letter or next(others, "") for letter in letters]
    if len(letters) == ndim and set("XYZ") <= set(letters) and len(set(letters)) == ndim:
        return "".join(letters)
    return ("PSUTCZYX" if ndim > 5 else "TCZYX")[-ndim:]


def _image(path: Path, inside: str, node: Node, channel: int | str | None, level: int) -> _Found:
    """Describe a level of an image."""
    image = read_image(path, node)
    check_level(path, level, len(image.levels))
    chosen = image.levels[level]
    at = "/".join(filter(None, [inside, chosen.path]))
    array = read_node(path / at)
    if not array.is_array:
        refuse(path / at, f"is no array, and level {level} of {path.name}", REMEDY)
    stored = open_array(path, at, array)
    if stored.ndim != len(image.letters):
        refuse(path / at, f"has {stored.ndim} axes, and its image states {image.letters}", REMEDY)
    affine, unit, space = _geometry(path, image, chosen)
    source = {"kind": "ome-zarr", "version": image.version, **space}
    found = _found(path, node, stored, image.letters, channel, affine, unit, image.has_place, source)
    return replace(found, info=replace(found.info, levels=len(image.levels)))


def _found(
    path: Path,
    node: Node,
    stored: Any,
    letters: str,
    channel: int | str | None,
    affine: np.ndarray,
    unit: str,
    has_place: bool,
    source: Mapping[str, Any],
) -> _Found:
    axes = choose_volume(path, letters, stored.shape, channel)
    chunks = dict(zip(letters, stored.shards or stored.chunks, strict=True))
    provenance, bounds = parse_metadata(node.attributes.get(OURS))
    info = VolumeInfo(
        path=path,
        kind=source["kind"],
        shape=axes.shape,
        dtype=np.dtype(stored.dtype).newbyteorder("="),
        affine=affine,
        unit=unit,
        axes=letters,
        stored_shape=tuple(stored.shape),
        channel=axes.channel,
        intensity_range=bounds,
        provenance=provenance,
        source={
            **source,
            "zarr_format": node.zarr_format,
            "chunks": [int(chunks[letter]) for letter in "XYZ" if letter in chunks],
        },
        has_place=has_place,
    )
    return _Found(info, axes, stored, OURS in node.attributes)


def _geometry(path: Path, image: OmeImage, level: Level) -> tuple[np.ndarray, str, dict[str, Any]]:
    """Return affine (mm) and unit, and what a writer repeats, of X, Y, Z."""
    at = {letter: axis for axis, letter in enumerate(image.letters) if letter in "XYZ"}
    scale = [level.scale[at[letter]] if letter in at else 1.0 for letter in "XYZ"]
    translation = [level.translation[at[letter]] if letter in at else 0.0 for letter in "XYZ"]
    spelled = [image.units[at[letter]] if letter in at else "" for letter in "XYZ"]
    space = {"scale": scale, "translation": translation if image.has_place else [], "units": spelled}
    far = max(abs(place) / size if size else math.inf for place, size in zip(translation, scale, strict=True))
    if not all(math.isfinite(number) for number in (*scale, *translation)) or min(scale) <= 0 or far > _MAX_VOXELS_AWAY:
        problem = f"its voxel size is {scale} and its origin {translation} (X, Y, Z)"
        refuse(path, f"{problem}, which puts no voxel in a place of its own", "set its scale and translation again")
    units = [canonical_unit(unit) for unit in spelled]
    if not all(units):
        if any(size != 1 for size in scale):
            logger.info("%s: the voxel size %s %s has no unit of length, results are in voxels", path, scale, spelled)
        return np.eye(4), "", space
    lengths = [millimetres(unit) for unit in units]
    affine = np.diag([*(size * by for size, by in zip(scale, lengths, strict=True)), 1.0])
    affine[:3, 3] = [place * by for place, by in zip(translation, lengths, strict=True)]
    return affine, units[0], space


def _tell_missing(path: Path, stored: Any) -> None:
    """Warn of chunks without a file: programs leave out empty ones, and copies break off."""
    grid = [-(-length // chunk) for length, chunk in zip(stored.shape, stored.shards or stored.chunks, strict=True)]
    if (total := math.prod(grid)) > _MAX_LISTED:
        return
    there = set(_files(path / stored.path, stored.path))
    per = [1] * stored.ndim
    if stored.shards:
        per = [shard // chunk for shard, chunk in zip(stored.shards, stored.chunks, strict=True)]
    places = product(*(range(0, sides * step, step) for sides, step in zip(grid, per, strict=True)))
    missing = [name for place in places if (name := chunk_file(stored, place)) not in there]
    if missing:
        told = "%s: %d of its %d chunks are not there and count as %s, %s is the first; make sure that it is complete"
        logger.warning(told, path, len(missing), total, stored.fill_value, missing[0])


def _files(folder: Path, inside: str) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        prefix = os.path.relpath(place, folder)
        for name in names:
            yield "/".join(part for part in (inside, prefix.replace(os.sep, "/"), name) if part not in ("", "."))
