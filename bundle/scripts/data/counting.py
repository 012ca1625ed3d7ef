"""Count the voxels of each value in a label of any size, box by box."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import CELL, MAX_WHOLE, Box, add_to_cells, block_sides, blocks, refuse
from scripts.io import Volume, VolumeInfo, notes_of, refuse_damaged_notes

LABEL_REMEDY = "put a label there: whole numbers, 0 for background, 1 for vessel, -1 where nothing is labelled"
MAX_VALUES = 32  # a file with more distinct values is taken for an image, not a label
BLOCK = 2**25  # bytes of a label that are read at once
COUNTS = "counts"  # key of the notes


@dataclass(frozen=True, eq=False)
class ValueCounts:
    """Where in a label how many voxels have one value.

    Attributes:
        planes: how many of the region's voxels have it in each plane across X, Y and Z.
        cells: how many have it in each cell of 32³ (`CELL`), which lie side by side from voxel 0 of the volume.
    """

    planes: tuple[np.ndarray, np.ndarray, np.ndarray]
    cells: np.ndarray

    @classmethod
    def none(cls, region: Box, shape: Sequence[int]) -> ValueCounts:
        """Return those of a value that no voxel has."""
        x, y, z = (np.zeros(stop - start, dtype=np.int64) for start, stop in region)
        return cls((x, y, z), np.zeros([ceil(size / CELL) for size in shape], dtype=np.uint16))


@dataclass(frozen=True, eq=False)
class LabelCounts:
    """Counts of the values in a label.

    Attributes:
        region: the box that is counted.
        shape: of the whole, (X, Y, Z).
        values: in the whole file, ascending, without negative ones.
        found: counts of the values that the region holds.
    """

    region: Box
    shape: tuple[int, ...]
    values: list[int] = field(default_factory=list)
    found: dict[int, ValueCounts] = field(default_factory=dict)

    def of_value(self, value: int) -> ValueCounts:
        """Return the counts of a value, which may be nowhere."""
        return self.found.get(value) or ValueCounts.none(self.region, self.shape)

    def as_notes(self) -> dict[str, Any]:
        """Return the counts of a whole label, fit for JSON; `noted_counts` reads them."""
        return {
            "cell": CELL,
            "values": [
                {"value": value, "voxels": int(each.planes[0].sum())}
                | {"planes": [of_axis.tolist() for of_axis in each.planes], "cells": _packed(each.cells)}
                for value, each in self.found.items()
            ],
        }


def labelled_box(counts: LabelCounts, unlabelled_value: float | None = None, margin: int = 0) -> Box | None:
    """Return the smallest box that holds every labelled voxel of the region, or None.

    Args:
        counts: of a label.
        unlabelled_value: a value that means *not labelled*.
        margin: voxels by which it is larger on each side, as far as the volume goes.
    """
    found = [each.planes for value, each in counts.found.items() if value != unlabelled_value]
    if not found:
        return None
    box = []
    for axis, ((start, _), side) in enumerate(zip(counts.region, counts.shape, strict=True)):
        filled = start + np.flatnonzero(sum(planes[axis] for planes in found))
        box.append((max(0, int(filled[0]) - margin), min(side, int(filled[-1]) + 1 + margin)))
    return tuple(box)


def noted_counts(info: VolumeInfo) -> LabelCounts | None:
    """Return the counts of a whole label that `tubenet prepare` has noted in it, if it has.

    Raises:
        UserError: if the notes are damaged.
    """
    noted = notes_of(info).get(COUNTS)
    if not isinstance(noted, Mapping) or noted.get("cell") != CELL:
        return None
    found = {}
    with refuse_damaged_notes(info):
        for each in noted["values"]:
            x, y, z = (np.array(of_axis, dtype=np.int64) for of_axis in each["planes"])
            counts = ValueCounts((x, y, z), _unpacked(each["cells"], info.shape))
            sides, sums = zip(*((len(of_axis), int(of_axis.sum())) for of_axis in counts.planes), strict=True)
            sound = int(each["value"]) >= 0 and all((of_axis >= 0).all() for of_axis in counts.planes)
            if not sound or sides != info.shape or {*sums} != {int(counts.cells.sum(dtype=np.int64))}:
                raise ValueError(f"the counts of {each['value']} do not agree")
            found[int(each["value"])] = counts
        if len(found) < len(noted["values"]):
            raise ValueError("a value is counted twice")
    return LabelCounts(tuple((0, side) for side in info.shape), info.shape, sorted(found), found)


def _packed(cells: np.ndarray) -> str:
    """Return numbers as text: little-endian 16 bits, C order of (X, Y, Z), zlib, base64."""
    return base64.b64encode(zlib.compress(cells.astype("<u2").tobytes())).decode("ascii")


def _unpacked(text: str, shape: Sequence[int]) -> np.ndarray:
    cells = [ceil(size / CELL) for size in shape]
    # no further than what is to be there, for notes come from anywhere
    stated = zlib.decompressobj().decompress(base64.b64decode(text), 2 * prod(cells))
    return np.frombuffer(stated, dtype="<u2").astype(np.uint16).reshape(cells)


def count_label(
    label: Volume,
    region: Box | None = None,
    unlabelled_value: float | None = None,
    done: Callable[[int], None] | None = None,
) -> LabelCounts:
    """Count the values of a label, reading each box once.

    Args:
        label: the label.
        region: the box to count in, by default all of it.
        unlabelled_value: a value that means *not labelled*, which is not counted; negative values never are.
        done: is told the number of voxels of each box that was read.

    Raises:
        UserError: as `checked_values`, as soon as a box holds such values.
    """
    shape, path, dtype = label.info.shape, label.info.path, label.info.dtype
    region = tuple((0, side) for side in shape) if region is None else region
    values, found = np.zeros(0, dtype=dtype), dict[int, ValueCounts]()
    for box in blocks(shape, block_sides(shape, label.chunks, BLOCK // dtype.itemsize)):
        voxels = label.read(box)  # (x, y, z)
        here = _distinct(voxels)
        values = np.union1d(values, here)
        checked_values(path, values, unlabelled_value)
        part = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(box, region, strict=True))
        if all(start < stop for start, stop in part):
            inside = voxels[tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(part, box, strict=True))]
            here = here if inside.size == voxels.size else _distinct(inside)
            for value in checked_values(path, here, unlabelled_value):
                counts = found.setdefault(value, ValueCounts.none(region, shape))
                _add(counts, inside == value, part, region)
        if done is not None:
            done(voxels.size)
    return LabelCounts(region, shape, checked_values(path, values, unlabelled_value), found)


def _distinct(voxels: np.ndarray) -> np.ndarray:
    """Return the values that voxels have, ascending; of small types faster than NumPy."""
    if voxels.dtype.kind not in "iu" or voxels.dtype.itemsize > 2:
        return np.unique(voxels)
    flat = voxels.ravel(order="K").view(f"u{voxels.dtype.itemsize}")
    there = np.zeros(256**voxels.dtype.itemsize, dtype=np.bool_)
    for first in range(0, len(flat), 2**20):
        there[flat[first : first + 2**20]] = True
    return np.sort(np.flatnonzero(there).astype(flat.dtype).view(voxels.dtype))


def _add(counts: ValueCounts, mask: np.ndarray, box: Box, region: Box) -> None:
    """Add the voxels of a mask, which fills a box of the region, to counts."""
    for planes, more, (start, stop), (first, _) in zip(counts.planes, _planes(mask), box, region, strict=True):
        planes[start - first : stop - first] += more
    add_to_cells(counts.cells, mask, box)


def checked_values(path: str | Path, found: np.ndarray, unlabelled_value: float | None = None) -> list[int]:
    """Return those of the values found in a label that mean a class, ascending.

    Raises:
        UserError: for fractions, for more than 32 values (an image given as a label), and for what is too large.
    """
    values = found[found >= 0]
    if unlabelled_value is not None:
        values = values[values != unlabelled_value]
    if (fractions := values[values % 1 > 0]).size:
        problem = f"looks like an image and not a label, it holds fractions such as {fractions[0]!s}"
        refuse(path, problem, LABEL_REMEDY)
    if len(values) > MAX_VALUES:
        refuse(path, f"looks like an image and not a label, it holds {len(values)} different values", LABEL_REMEDY)
    if len(values) and int(values[-1]) > MAX_WHOLE:
        refuse(path, f"looks like an image and not a label, it holds {values[-1]!s}", LABEL_REMEDY)
    return [int(value) for value in values]


def _planes(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the voxels of a mask in each plane across X, Y and Z."""
    along_z, along_x = (mask.view(np.uint8).sum(axis=axis, dtype=np.uint32) for axis in (2, 0))  # (x, y), (y, z)
    x, y, z = (each.sum(axis=axis, dtype=np.int64) for each, axis in ((along_z, 1), (along_z, 0), (along_x, 0)))
    return x, y, z
