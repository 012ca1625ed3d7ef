"""Opens every kind of file that the bundle reads, with its voxel size, a large one piece by piece."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scripts.core import DEPTH, UserError
from scripts.io import Volume, VolumeInfo, holds_series, is_volume, open_volume, read_header, split_hdf5, split_name

from .geometry import place_of
from .lazy import contrast_of, open_lazily

KEY = "tubenet"  # of a layer's metadata
MAX_CHANNELS = 16
Layers = list[tuple[Any, dict[str, Any], str]]


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], Layers] | None:
    """Return what opens a path, or None for a folder that is no volume."""
    paths = [path] if isinstance(path, str | os.PathLike) else list(path)
    return read_layers if all(is_volume(each) or holds_series(Path(each)) for each in paths) else None


def read_layers(path: str | Sequence[str]) -> Layers:
    """Open volumes as layers; each channel of a file that has several is a layer.

    Raises:
        UserError: in one line, for what cannot be read.
    """
    paths = [path] if isinstance(path, str | os.PathLike) else list(path)
    return [layer for each in paths for channel in channels_of(Path(each)) for layer in _layer(Path(each), channel)]


def channels_of(path: Path) -> list[int | str | None]:
    """Return the channels of a file, `[None]` if it is a single volume.

    Raises:
        UserError: as `read_header`.
    """
    try:
        read_header(path)
    except UserError as error:
        try:
            info = read_header(path, 0)
        except UserError:
            raise error from None
        count = _count(info)
        if not 1 < count <= MAX_CHANNELS:
            raise
        return list(range(count))
    return [None]


def _count(info: VolumeInfo) -> int:
    """Return how many channels a file has of which one was chosen."""
    others = [length for axis, length in zip(info.axes, info.stored_shape, strict=False) if axis.upper() not in "XYZ"]
    return max(others, default=1)


def _layer(path: Path, channel: int | str | None) -> Layers:
    volume = open_volume(path, channel)
    info, levels = volume.info, volume.info.levels
    data: Any = open_lazily(volume)
    stem = split_name(path)[0] or path.name
    about: dict[str, Any] = {
        "name": stem if channel in (None, DEPTH) else f"{stem}, channel {channel}",
        "metadata": {KEY: {"path": str(path.absolute()), "channel": channel, "about": info.description}},
        **place_of(info),
    }
    if info.dtype.kind in "iu" and stem.endswith(("_seg", "_labels")):
        return [(data, about, "labels")]
    if limits := contrast_of(data):
        about["contrast_limits"] = limits
    if levels > 1 and not hasattr(data, "flags"):  # a pyramid that is not in memory
        coarser: list[Volume] = [open_volume(path, channel, level) for level in range(1, levels)]
        data, about["multiscale"] = [data, *map(open_lazily, coarser)], True
    about["colormap"] = "gray"
    if channel not in (None, DEPTH):
        about |= {"blending": "additive"}
    return [(data, about, "image")]


def source_of(layer: Any) -> tuple[Path, int | str | None] | None:
    """Return the file and the channel that a layer shows, if it was opened here and the file is still there."""
    about = layer.metadata.get(KEY, {})
    if "path" not in about:
        return None
    path = Path(about["path"])
    return (path, about["channel"]) if split_hdf5(path)[0].exists() else None
