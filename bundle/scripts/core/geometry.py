"""Voxel sizes, the through-plane axis, and boxes of voxels."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from .errors import refuse

CLEARLY_COARSER = 1.5  # the through-plane spacing is at least this many times the next coarsest
AXES = "XYZ"

Box = tuple[tuple[int, int], ...]
"""Half-open voxel ranges `((x0, x1), (y0, y1), (z0, z1))`."""


def voxel_size(affine: np.ndarray) -> np.ndarray:
    """Return the voxel spacing along X, Y and Z, in the unit of the 4x4 `affine`."""
    size: np.ndarray = np.linalg.norm(np.asarray(affine, dtype=float)[:3, :3], axis=0)
    return size


def through_plane_axis(affine: np.ndarray) -> int:
    """Return the through-plane axis (0, 1, 2): the one with clearly coarsest spacing, else Z.

    Args:
        affine: 4x4 affine of the volume.
    """
    spacing = voxel_size(affine)
    coarsest = int(spacing.argmax())
    return coarsest if spacing[coarsest] >= CLEARLY_COARSER * np.sort(spacing)[1] else 2


def longest_in_plane_axis(shape: Sequence[int], affine: np.ndarray) -> int:
    """Return the in-plane axis with more voxels; the first if both have the same number."""
    across = through_plane_axis(affine)
    return max((axis for axis in range(3) if axis != across), key=lambda axis: shape[axis])


def parse_region(text: str, option: str = "region") -> tuple[tuple[int | None, int | None], ...]:
    """Read the option `region`: `"x0:x1,y0:y1,z0:z1"` in voxels; any bound may be left out.

    Raises:
        UserError: for any other text.
    """
    parts = [re.fullmatch(r"\s*(\d{0,18})\s*:\s*(\d{0,18})\s*", part) for part in str(text).split(",")]
    if len(parts) != 3 or not all(parts):
        refuse(f"--{option} {text}", "is not of the form x0:x1,y0:y1,z0:z1", "write ':,0:64,:' for the half y < 64")
    return tuple((int(a) if a else None, int(b) if b else None) for a, b in (part.groups() for part in parts if part))


def region_box(text: str | None, shape: Sequence[int], name: object = "the volume", option: str = "region") -> Box:
    """Return the box of a volume that the option `region` selects, by default the whole volume.

    Args:
        text: the option `region`, or None.
        shape: size of the volume in voxels, (X, Y, Z).
        name: name of the volume, for error messages.
        option: that gave the text, for error messages.

    Raises:
        UserError: if the region is malformed, empty or reaches outside the volume.
    """
    if text in (None, ""):
        return tuple((0, size) for size in shape)
    box = []
    for axis, (start, stop), size in zip(AXES, parse_region(text, option), shape, strict=True):
        start, stop = start or 0, size if stop is None else stop
        if not 0 <= start < stop <= size:
            problem = f"does not fit {name}, whose axis {axis} has the voxels 0:{size}"
            refuse(f"--{option} {text}", problem, "give bounds inside it, the lower first")
        box.append((start, stop))
    return tuple(box)


def slices(box: Box) -> tuple[slice, ...]:
    """Return a box as an index: `volume[slices(box)]`."""
    return tuple(slice(*bounds) for bounds in box)


def box_text(box: Box) -> str:
    """Return a box as text, in the form of the option `region`, `x0:x1,y0:y1,z0:z1`."""
    return ",".join(f"{start}:{stop}" for start, stop in box)


def same_grid(affine: np.ndarray, other: np.ndarray, shape: tuple[int, ...], tolerance: float = 0.01) -> bool:
    """Return whether two affines place all voxels of `shape` alike, within `tolerance` voxels.

    A transform and its inverse leave rounding errors, despite which a writer must keep the file's own numbers.
    """
    corners = np.array([[x, y, z, 1] for x in (0, shape[0]) for y in (0, shape[1]) for z in (0, shape[2])], float)
    try:
        moved = corners @ np.linalg.solve(np.asarray(other, float), np.asarray(affine, float)).T
    except np.linalg.LinAlgError:
        return False
    return bool(np.abs(moved - corners).max() < tolerance)
