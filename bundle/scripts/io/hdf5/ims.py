"""An image of Imaris: its resolutions, channels and time points, and its true size.

`DataSet/ResolutionLevel N/TimePoint T/Channel C/Data`, filled up to whole chunks; `ImageSizeX` and its like say how far
it goes, and `DataSetInfo/Image` where its ends lie, in micrometres as a rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse

from ..formats import check_level
from ..units import canonical_unit, millimetres
from .stored import REMEDY

_LEVEL, _TIME, _CHANNEL = "ResolutionLevel", "TimePoint", "Channel"
_MAX_TEXT = 64  # characters of a number


@dataclass(frozen=True)
class ImsLevel:
    """One resolution.

    Attributes:
        shape: voxels along X, Y, Z without what fills up the last chunks.
        times: number of time points.
        channels: number of channels.
        affine: 4x4 in millimetres, the identity where the file states no extent.
        unit: canonical, or `""`.
        levels: number of resolutions of the file.
    """

    shape: tuple[int, int, int]
    times: int
    channels: int
    affine: np.ndarray
    unit: str
    levels: int


def set_of(level: int, time: int, channel: int) -> str:
    """Return the path of the data set of one volume."""
    return f"DataSet/{_LEVEL} {level}/{_TIME} {time}/{_CHANNEL} {channel}/Data"


def read_level(path: Path, found: Any, level: int) -> ImsLevel:
    """Read what is said of a resolution.

    Args:
        path: the file, for messages.
        found: h5py's open file.
        level: its number, 0 the finest.

    Raises:
        UserError: for a file that is no image of Imaris, one without that level, and sizes that its data set has not.
    """
    if "DataSet" not in found or f"{_LEVEL} 0" not in found["DataSet"]:
        refuse(path, "is no image of Imaris, it has no DataSet/ResolutionLevel 0", REMEDY)
    levels = _count(found["DataSet"], _LEVEL)
    check_level(path, level, levels)
    group = found["DataSet"][f"{_LEVEL} {level}"]
    times = _count(group, _TIME)
    channels = _count(group[f"{_TIME} 0"], _CHANNEL) if times else 0
    if not channels:
        refuse(path, f"its level {level} holds no channel", REMEDY)
    first = group[f"{_TIME} 0"][f"{_CHANNEL} 0"]
    stored = first["Data"].shape if "Data" in first else ()
    shape = tuple(_number(path, first.attrs, f"ImageSize{axis}", whole=True) for axis in "XYZ")
    if len(stored) != 3 or any(not 1 <= size <= length for size, length in zip(shape, stored[::-1], strict=True)):
        refuse(path, f"its level {level} states {shape} voxels (X, Y, Z), and {stored} are there (Z, Y, X)", REMEDY)
    affine, unit = _extent(path, found, shape)
    x, y, z = (int(size) for size in shape)
    return ImsLevel((x, y, z), times, channels, affine, unit, levels)


def _count(group: Any, name: str) -> int:
    """Count the numbered groups of a name, from 0 without a gap."""
    count = 0
    while f"{name} {count}" in group:
        count += 1
    return count


def _extent(path: Path, found: Any, shape: tuple[float, ...]) -> tuple[np.ndarray, str]:
    image = found.get("DataSetInfo/Image")
    names = [f"Ext{end}{axis}" for end in ("Min", "Max") for axis in range(3)]
    if image is None or not all(name in image.attrs for name in names):
        return np.eye(4), ""
    ends = [_number(path, image.attrs, name) for name in names]
    sizes = [(high - low) / count for low, high, count in zip(ends[:3], ends[3:], shape, strict=True)]
    unit = canonical_unit(_text(image.attrs.get("Unit", b"um"))) or "µm"
    if min(sizes) <= 0:
        refuse(path, f"its extent is {ends[:3]} to {ends[3:]}, which is no size", "set it again in Imaris")
    return np.diag([*(size * millimetres(unit) for size in sizes), 1.0]), unit


def _number(path: Path, attributes: Any, name: str, whole: bool = False) -> float:
    text = _text(attributes[name]) if name in attributes else "nothing"
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or (whole and number != int(number)):
        refuse(path, f"states {text} as {name}", REMEDY)
    return number


def _text(value: Any) -> str:
    """Return an attribute as text: Imaris writes an array of single characters."""
    parts = np.asarray(value).ravel()[:_MAX_TEXT]
    return b"".join(each if isinstance(each, bytes) else str(each).encode() for each in parts.tolist()).decode(
        "utf-8", "replace"
    )
