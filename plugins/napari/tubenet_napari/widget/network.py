"""The vessels that `tubenet analyse` has measured: branches, their lines and their figures, as layers."""

from __future__ import annotations

import csv
import json
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from scripts.core import refuse

TYPES = {"Float64": "<f8", "Int64": "<i8"}


@dataclass
class Network:
    """The vessels of a segmentation, lengths in the unit of its file, counted from the middle of the first voxel.

    Attributes:
        points: `(N, 3)` along Z, Y, X, those of one branch in a row.
        radii: `(N,)`.
        branch: `(N,)` which branch each point is of.
        rows: the figures of each branch.
        summary: those of all.
    """

    points: np.ndarray
    radii: np.ndarray
    branch: np.ndarray
    rows: list[dict[str, float]]
    summary: dict[str, object]

    @classmethod
    def read(cls, folder: Path, name: str) -> Network:
        """Read what `tubenet analyse` wrote of a volume.

        Raises:
            UserError: if there is no vessel in it.
        """
        with (folder / f"{name}_branches.csv").open(newline="") as file:
            rows = [{key: float(value or "nan") for key, value in row.items()} for row in csv.DictReader(file)]
        summary = json.loads((folder / f"{name}_summary.json").read_text(encoding="utf-8"))
        if not rows:
            refuse(name, "there is no vessel in it", "measure another segmentation")
        arrays = read_arrays(folder / f"{name}.vtp")
        ends = arrays["offsets"]
        points = arrays["Points"].reshape(-1, 3)[arrays["connectivity"]][:, ::-1]  # Z, Y, X
        branch = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        return cls(points, arrays["radius"][arrays["connectivity"]], branch, rows, summary)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of VTK polydata as the bundle writes them, by their names; the first of each name counts."""
    found: dict[str, np.ndarray] = {}
    for each in ElementTree.parse(path).iter("DataArray"):
        data = b64decode(each.text or "")[8:]  # its length stands before it
        found.setdefault(each.attrib["Name"], np.frombuffer(data, TYPES[each.attrib["type"]]))
    return found
