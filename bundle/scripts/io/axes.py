"""From the axes that a file stores to one volume `(X, Y, Z)`.

A fourth axis that is longer than 1 is never dropped silently: the option `channel` picks an index along it, or the file
is refused. Programs also store slices as channels or time points, and then `channel` is `depth`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.core import DEPTH, refuse

from .formats import split_name

_UNKNOWN = "QI"  # tifffile's letters for an axis of unknown meaning and for a sequence of pages
_SLICES = "CT"  # axes as which some programs store slices
_NAMES = {"C": "channels", "T": "time points", "S": "colour samples", "P": "scenes"}


@dataclass(frozen=True)
class VolumeAxes:
    """How to cut one volume out of a stored array.

    Attributes:
        index: one entry per stored axis: an integer drops the axis, a full slice keeps it.
        order: the transposition that turns the three kept axes into X, Y, Z.
        shape: lengths of X, Y and Z in voxels.
        channel: the index along a further axis that was chosen, or None where there is none.
    """

    index: tuple[int | slice, ...]
    order: tuple[int, int, int]
    shape: tuple[int, int, int]
    channel: int | None = None

    def cut(self, stored: np.ndarray) -> np.ndarray:
        """Return the volume `(X, Y, Z)` in an array that has the file's axes: a view, not a copy."""
        return stored[self.index].transpose(self.order)  # (X, Y, Z)


def choose_volume(path: Path, axes: str, shape: tuple[int, ...], channel: int | str | None) -> VolumeAxes:
    """Decide how the axes that a file stores give one volume `(X, Y, Z)`.

    Args:
        path: the file, for messages.
        axes: one letter per stored axis, such as `TCZYX`. An axis of unknown meaning, `Q` or `I`, is taken for Z where
            no Z is named.
        shape: their lengths.
        channel: index along the one further axis that is longer than 1; or `depth`, by which the channels or time
            points of a single slice are its slices. A volume that has slices is as it would be without.

    Raises:
        UserError: if X, Y or Z is missing, empty or a single slice, or if there is a further axis and no
            `channel` or one out of range, or more than one further axis.
    """
    found = f"axes {axes} with shape {tuple(shape)}"
    named = _with_z(axes)
    if isinstance(channel, str):
        named, channel = (_with_depth(named, shape) if channel == DEPTH else named), None
    lengths = {letter: shape[named.index(letter)] if letter in named else 1 for letter in "XYZ"}
    extra = [at for at, letter in enumerate(named) if letter not in "XYZ" and shape[at] > 1]
    _refuse_flat(path, lengths, found, [axes[at] for at in extra])
    if len(extra) > 1:
        which = " and ".join(f"{axes[at]} ({shape[at]})" for at in extra)
        remedy = "save one volume a file, with its axes named (Fiji: Image > Duplicate, then File > Save As)"
        refuse(path, f"{found}: several volumes lie along both {which}", remedy)
    picked = _pick(path, found, axes, shape, extra, channel)
    index = tuple(slice(None) if letter in "XYZ" else picked.get(at, 0) for at, letter in enumerate(named))
    kept = [letter for letter in named if letter in "XYZ"]
    order = (kept.index("X"), kept.index("Y"), kept.index("Z"))
    return VolumeAxes(index, order, (lengths["X"], lengths["Y"], lengths["Z"]), next(iter(picked.values()), None))


def of_label(channel: int | str | None) -> str | None:
    """Return the `channel` by which to read the label of an image.

    A label has one channel, of which no index is chosen; its slices may be stored as those of its image.
    """
    return DEPTH if channel == DEPTH else None


def _with_z(axes: str) -> str:
    """Take the one axis of unknown meaning for Z.

    Two of them stay unknown: one of the two is a channel, and nothing says which.
    """
    unknown = [at for at, letter in enumerate(axes) if letter in _UNKNOWN]
    if "Z" in axes or len(unknown) != 1:
        return axes
    return axes[: unknown[0]] + "Z" + axes[unknown[0] + 1 :]


def _with_depth(axes: str, shape: tuple[int, ...]) -> str:
    """Take the one axis of channels or time points for Z, if there is a single slice."""
    further = [at for at, letter in enumerate(axes) if letter not in "XYZ" and shape[at] > 1]
    flat = "Z" not in axes or shape[axes.index("Z")] == 1
    if not flat or len(further) != 1 or axes[further[0]] not in _SLICES:
        return axes
    return "".join("Z" if at == further[0] else letter.replace("Z", "Q") for at, letter in enumerate(axes))


def _refuse_flat(path: Path, lengths: dict[str, int], found: str, extra: list[str]) -> None:
    for letter, length in lengths.items():
        if length < 1:
            what = "is empty" if length == 0 else f"has the negative length {length}"
            refuse(path, f"{found}: axis {letter} {what}", "write the file again")
        if length > 1:
            continue
        remedy = "give a volume with at least 2 voxels along X, Y and Z"
        if letter == "Z" and len(extra) == 1 and extra[0] in _SLICES:
            remedy = f"if {extra[0]} is really depth, write --channel {DEPTH}, else {remedy}"
        elif letter == "Z" and extra == ["S"]:
            refuse(path, f"{found}: it is a colour picture of one plane, and not a volume", remedy)
        elif letter == "Z" and sum(each in _UNKNOWN for each in extra) > 1:
            remedy = "name the axes when saving (tifffile: metadata={'axes': 'CZYX'})"
            refuse(path, f"{found}, but the file does not say which axis is Z", remedy)
        refuse(path, f"{found}: axis {letter} has length 1, a single slice", remedy)


def _pick(
    path: Path, found: str, axes: str, shape: tuple[int, ...], extra: list[int], channel: int | None
) -> dict[int, int]:
    if not extra:
        # nnU-Net keeps channel N in a file of its own, NAME_000N
        if channel not in (None, 0) and not split_name(path)[0].endswith(f"_{channel:04d}"):
            refuse(path, f"channel {channel} does not exist, the file holds one volume", "leave --channel out")
        return {}
    at, count = extra[0], shape[extra[0]]
    remedy = f"choose one with --channel 0..{count - 1}"
    what = _NAMES.get(axes[at], f"volumes along {axes[at]}")
    if channel is None:
        refuse(path, f"{found}: {count} {what} and not one", remedy)
    if not 0 <= channel < count:
        refuse(path, f"channel {channel} does not exist, {found} has {count} {what}", remedy)
    return {at: channel}
