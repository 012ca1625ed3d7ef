"""Which stored axis is which: from a file's axes to one `(X, Y, Z)` volume, never squeezing what has a meaning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.core import refuse

_UNKNOWN = "QI"  # tifffile's letters for "some axis" and "some sequence of pages"
_NAMES = {"C": "channels", "T": "time points", "S": "colour samples"}


@dataclass(frozen=True)
class VolumeAxes:
    """How to cut one volume out of a stored array.

    Attributes:
        index: one entry per stored axis: an integer drops it, a full slice keeps it.
        order: transposition of the three axes that are kept, to X, Y, Z.
        shape: length of X, Y and Z in voxels.
    """

    index: tuple[int | slice, ...]
    order: tuple[int, int, int]
    shape: tuple[int, int, int]

    def cut(self, stored: np.ndarray) -> np.ndarray:
        """`(X, Y, Z)` out of `stored`, which has the file's axes: a view, not a copy."""
        return stored[self.index].transpose(self.order)


def choose_volume(path: Path, axes: str, shape: tuple[int, ...], channel: int | None) -> VolumeAxes:
    """Decide how the stored `axes` (one letter each, such as `TCZYX`) of lengths `shape` give `(X, Y, Z)`.

    Args:
        path: the file, for messages.
        axes: one letter per stored axis. `Q` or `I`, unknown to the file, is taken for Z where no Z is named.
        shape: their lengths.
        channel: index along the one further axis that is longer than 1.

    Raises:
        UserError: X, Y or Z is absent, empty or a single slice; there is a further axis and no `channel`, or a
            `channel` out of range; there are two further axes.
    """
    found = f"axes {axes} with shape {tuple(shape)}"
    named = _name_depth(axes)
    lengths = {letter: shape[named.index(letter)] if letter in named else 1 for letter in "XYZ"}
    extra = [at for at, letter in enumerate(named) if letter not in "XYZ" and shape[at] > 1]
    _refuse_flat(path, lengths, axes, found, [axes[at] for at in extra])
    if len(extra) > 1:
        which = " and ".join(f"{axes[at]} ({shape[at]})" for at in extra)
        cure = "save one volume a file, with its axes named (Fiji: Image > Duplicate, then File > Save As)"
        refuse(path, f"{found}: a volume cannot be told apart along both {which}", cure)
    picked = _pick(path, found, axes, shape, extra, channel)
    index = tuple(slice(None) if letter in "XYZ" else picked.get(at, 0) for at, letter in enumerate(named))
    kept = [letter for letter in named if letter in "XYZ"]
    order = (kept.index("X"), kept.index("Y"), kept.index("Z"))
    return VolumeAxes(index, order, (lengths["X"], lengths["Y"], lengths["Z"]))


def _name_depth(axes: str) -> str:
    """Read the one unknown axis as Z. Two unknown ones stay unknown: one is a channel, and nobody says which."""
    unknown = [at for at, letter in enumerate(axes) if letter in _UNKNOWN]
    if "Z" in axes or len(unknown) != 1:
        return axes
    return axes[: unknown[0]] + "Z" + axes[unknown[0] + 1 :]


def _refuse_flat(path: Path, lengths: dict[str, int], axes: str, found: str, extra: list[str]) -> None:
    for letter, length in lengths.items():
        if length == 0:
            refuse(path, f"{found}: axis {letter} is empty", "write the file again")
        if length > 1:
            continue
        cure = "give a volume with at least 2 voxels along X, Y and Z"
        if letter == "Z" and len(extra) == 1 and extra[0] in "TC":
            cure = f"if {extra[0]} is really depth, swap the two in Fiji with Image > Properties; else {cure}"
        elif letter == "Z" and sum(a in _UNKNOWN for a in extra) > 1:
            cure = "name the axes when saving (tifffile: metadata={'axes': 'CZYX'})"
            refuse(path, f"{found}: the file does not say which axis is Z", cure)
        refuse(path, f"{found}: axis {letter} has length 1, a single slice", cure)


def _pick(
    path: Path, found: str, axes: str, shape: tuple[int, ...], extra: list[int], channel: int | None
) -> dict[int, int]:
    if not extra:
        if channel not in (None, 0):
            refuse(path, f"channel {channel} does not exist, the file holds one volume", "leave --channel out")
        return {}
    at, count = extra[0], shape[extra[0]]
    cure = f"choose one with --channel 0..{count - 1}"
    what = _NAMES.get(axes[at], f"volumes along {axes[at]}")
    if channel is None:
        refuse(path, f"{found}: {count} {what} and not one", cure)
    if not 0 <= channel < count:
        refuse(path, f"channel {channel} does not exist, {found} has {count} {what}", cure)
    return {at: channel}
