"""Vessel graphs: centre lines with radii, from SWC, CSV or VTK files."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse, refuse_failures

from ..extra import extra_library

NODES, EDGES = "_nodes.csv", "_edges.csv"
GRAPH_SUFFIXES = (".swc", EDGES, ".vtk", ".vtp")
"""How the names of files end that `read_graph` reads; `NAME_edges.csv` has its `NAME_nodes.csv` beside it."""

POSITIONS = (("x", "y", "z"), ("pos_x", "pos_y", "pos_z"))
ENDS = (("node_from", "node_to"), ("node1id", "node2id"), ("source", "target"))
RADII = ("radius", "radius_mean", "avgRadiusAvg")
_REMEDY = "save it again, or take it out of the folder"


@dataclass(frozen=True)
class VesselGraph:
    """Centre lines of vessels, all lengths in the file's own unit.

    Attributes:
        points: (N, 3) along X, Y, Z.
        edges: (E, 2) indices of the points at both ends of each edge.
        radii: (E, 2) radius of the vessel at these ends.
    """

    points: np.ndarray
    edges: np.ndarray
    radii: np.ndarray


def read_graph(path: str | Path) -> VesselGraph:
    """Read a graph of vessels.

    Args:
        path: an SWC file; `NAME_edges.csv`, separated by commas or semicolons, with `NAME_nodes.csv` beside it, as
            Voreen and VesselGraph (J. C. Paetzold et al., *Whole brain vessel graphs*, NeurIPS 2021) write them: the
            nodes' columns are `id` and `POSITIONS`, the edges' are one of `ENDS` and one of `RADII`; or VTK polydata
            (`.vtk`, `.vtp`) whose lines have a `radius` at each point, or in each cell.

    Raises:
        UserError: if it cannot be read, has no edge, or its points or radii are no numbers that can be drawn.
    """
    path = Path(path)
    if not path.is_file():
        refuse(path, "no such file", "check the path", FileNotFoundError)
    with refuse_failures(path, "cannot be read as a graph", _REMEDY):
        if path.name.lower().endswith(".swc"):
            graph = _read_swc(path)
        elif path.name.lower().endswith(EDGES):
            graph = _read_csv(path)
        else:
            graph = _read_vtk(path)
    if not len(graph.edges):
        refuse(path, "holds no vessel: no two points of it are joined", _REMEDY)
    if not np.isfinite(graph.points).all() or not (np.isfinite(graph.radii) & (graph.radii > 0)).all():
        refuse(path, "holds a position that is not finite, or a radius that is not above 0", _REMEDY)
    return graph


def nodes_of(edges: Path) -> Path:
    """Return `NAME_nodes.csv` of `NAME_edges.csv`, in whatever case that is written."""
    return _beside(edges, NODES)


def edges_of(nodes: Path) -> Path:
    """Return `NAME_edges.csv` of `NAME_nodes.csv`."""
    return _beside(nodes, EDGES)


def _beside(path: Path, ending: str) -> Path:
    name = path.name[: -len(ending)]  # both endings are as long
    return path.with_name(name + (ending.upper() if path.name[-len(ending) :].isupper() else ending))


def _read_swc(path: Path) -> VesselGraph:
    """Read lines of `id type x y z radius parent`, where a root's parent is -1."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.partition("#")[0].strip()]
    if not lines:
        refuse(path, "holds no points", _REMEDY)
    rows = np.loadtxt(lines, comments="#", ndmin=2, usecols=range(7))  # (N, 7)
    points, radii = rows[:, 2:5], rows[:, 5]
    index = _numbered(path, [int(name) for name in rows[:, 0]])
    edges = [(_point(path, index, int(parent)), i) for i, parent in enumerate(rows[:, 6]) if parent >= 0]
    pairs = np.array(edges, int).reshape(-1, 2)  # (E, 2)
    return VesselGraph(points, pairs, radii[pairs])


def _read_csv(path: Path) -> VesselGraph:
    """Read `NAME_edges.csv` with `NAME_nodes.csv`."""
    beside = nodes_of(path)
    if not beside.is_file():
        refuse(path, f"its nodes are missing, {beside.name}", "put that file beside it", FileNotFoundError)
    ids, points = _table(beside, [("id", *columns) for columns in POSITIONS])
    ends, radii = _table(path, [(*ends, radius) for ends in ENDS for radius in RADII], whole=2)
    index = _numbered(beside, ids[:, 0].tolist())
    pairs = np.array([[_point(path, index, name) for name in row] for row in ends.tolist()], int).reshape(-1, 2)
    return VesselGraph(points, pairs, radii.repeat(2, axis=1))


def _table(path: Path, known: Sequence[Sequence[str]], whole: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return columns of a CSV file: the first of the known names that are all there.

    Args:
        path: the file.
        known: names of columns.
        whole: so many of the first hold whole numbers.

    Returns:
        The whole numbers (N, `whole`) and the others (N, M).
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        separator = ";" if ";" in file.readline() else ","
        file.seek(0)
        header, *rows = [[cell.strip() for cell in row] for row in csv.reader(file, delimiter=separator) if row] or [[]]
    columns = next((names for names in known if set(names) <= set(header)), None)
    if columns is None:
        wanted = " or ".join(" ".join(names) for names in known)
        refuse(path, f"has not the columns {wanted}", "name its columns so in the first line")
    at = [header.index(name) for name in columns]
    numbers = np.empty((len(rows), len(at)))
    for number, row in enumerate(rows):
        try:
            numbers[number] = [float(row[i]) for i in at]
        except (ValueError, IndexError):
            problem = f"row {number + 2} holds no numbers in the columns {' '.join(columns)}"
            refuse(path, problem, "write them with a decimal point, all columns in every row")
    return np.rint(numbers[:, :whole]).astype(int), numbers[:, whole:]


def _numbered(path: Path, names: Sequence[int]) -> dict[int, int]:
    """Return the index of each point by its id."""
    index = {name: i for i, name in enumerate(names)}
    if len(index) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        refuse(path, f"two points have the id {twice}", "give each its own")
    return index


def _point(path: Path, index: Mapping[int, int], name: int) -> int:
    if name not in index:
        refuse(path, f"an edge ends at {name}, which is no point of it", _REMEDY)
    return index[name]


def _read_vtk(path: Path) -> VesselGraph:
    """Read the lines of VTK polydata, in the legacy form or as XML."""
    # VTK would print lines of its own
    extra_library("vtkmodules.vtkCommonCore", path).vtkObject.GlobalWarningDisplayOff()
    readers = extra_library(f"vtkmodules.vtkIO{'XML' if path.suffix.lower() == '.vtp' else 'Legacy'}", path)
    arrays = extra_library("vtkmodules.util.numpy_support", path).vtk_to_numpy
    reader = readers.vtkXMLPolyDataReader() if path.suffix.lower() == ".vtp" else readers.vtkPolyDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    data = reader.GetOutput()
    if not data.GetNumberOfPoints() or not data.GetNumberOfLines():
        refuse(path, "is no VTK polydata, or holds no lines", "save the centre lines as polydata")
    lines = data.GetLines()
    starts, joined = arrays(lines.GetOffsetsArray()), arrays(lines.GetConnectivityArray())
    pieces = [joined[a:b] for a, b in itertools.pairwise(starts)]
    pairs = np.concatenate([np.stack([piece[:-1], piece[1:]], axis=1) for piece in pieces])  # (E, 2)
    for attributes in (data.GetPointData(), data.GetCellData()):
        if (name := _named_radius(attributes)) and attributes.GetArray(name).GetNumberOfComponents() != 1:
            refuse(path, f"its array {name} has several numbers for each point", "save one radius for each")
    name = _named_radius(data.GetPointData())
    if name:
        radii = arrays(data.GetPointData().GetArray(name))[pairs]  # (E, 2)
    elif name := _named_radius(data.GetCellData()):
        of_lines = arrays(data.GetCellData().GetArray(name))[data.GetNumberOfVerts() :]  # points are cells, too
        radii = np.repeat(of_lines[: len(pieces)], [len(piece) - 1 for piece in pieces])[:, None].repeat(2, axis=1)
    else:
        refuse(path, "has no array radius of its points or lines", "save their radii, too")
    return VesselGraph(arrays(data.GetPoints().GetData()).astype(float), pairs, radii.astype(float))


def _named_radius(attributes: Any) -> str | None:
    """Return the array of the attributes that is called radius, in whatever case."""
    names = [attributes.GetArrayName(i) for i in range(attributes.GetNumberOfArrays())]
    return next((name for name in names if name and name.lower() == "radius"), None)
