"""Vessel graphs: centre lines with radii, from SWC, CSV or VTK files."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse, refuse_failures

from .extra import extra_library

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
        elif path.name.endswith(EDGES):
            graph = _read_csv(path)
        else:
            graph = _read_vtk(path)
    if not len(graph.edges):
        refuse(path, "holds no vessel: no two points of it are joined", _REMEDY)
    if not np.isfinite(graph.points).all() or not (np.isfinite(graph.radii) & (graph.radii > 0)).all():
        refuse(path, "holds a position that is not finite, or a radius that is not above 0", _REMEDY)
    return graph


def _read_swc(path: Path) -> VesselGraph:
    """Read lines of `id type x y z radius parent`, where a root's parent is -1."""
    rows = np.loadtxt(path, comments="#", ndmin=2, usecols=range(7))  # (N, 7)
    points, radii = rows[:, 2:5], rows[:, 5]
    index = {int(name): i for i, name in enumerate(rows[:, 0])}
    edges = [(_point(path, index, int(parent)), i) for i, parent in enumerate(rows[:, 6]) if parent >= 0]
    pairs = np.array(edges, int).reshape(-1, 2)  # (E, 2)
    return VesselGraph(points, pairs, radii[pairs])


def _read_csv(path: Path) -> VesselGraph:
    """Read `NAME_edges.csv` with `NAME_nodes.csv`."""
    beside = path.with_name(path.name.removesuffix(EDGES) + NODES)
    if not beside.is_file():
        refuse(path, f"its nodes are missing, {beside.name}", "put that file beside it", FileNotFoundError)
    nodes, edges = list(_rows(beside)), list(_rows(path))
    columns = _columns(beside, nodes, POSITIONS)
    points = np.array([[float(row[name]) for name in columns] for row in nodes], float).reshape(-1, 3)
    index = {int(row["id"]): i for i, row in enumerate(nodes)}
    ends = _columns(path, edges, ENDS)
    (radius,) = _columns(path, edges, [(name,) for name in RADII])
    pairs = np.array([[_point(path, index, int(row[name])) for name in ends] for row in edges], int).reshape(-1, 2)
    radii = np.array([[float(row[radius])] * 2 for row in edges], float).reshape(-1, 2)
    return VesselGraph(points, pairs, radii)


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        separator = ";" if ";" in file.readline() else ","
        file.seek(0)
        yield from csv.DictReader(file, delimiter=separator)


def _columns(path: Path, rows: Sequence[Mapping[str, str]], known: Sequence[Sequence[str]]) -> Sequence[str]:
    """Return those of the known names that the columns have."""
    there = set(rows[0]) if rows else set()
    for names in known:
        if there.issuperset(names):
            return names
    wanted = " or ".join(" ".join(names) for names in known)
    refuse(path, f"has no columns {wanted}", "name its columns so in the first line")


def _point(path: Path, index: Mapping[int, int], name: int) -> int:
    if name not in index:
        refuse(path, f"an edge ends at {name}, which is no point of it", _REMEDY)
    return index[name]


def _read_vtk(path: Path) -> VesselGraph:
    """Read the lines of VTK polydata, in the legacy form or as XML."""
    extra_library("vtkmodules", path)
    readers = extra_library(f"vtkmodules.vtkIO{'XML' if path.suffix.lower() == '.vtp' else 'Legacy'}", path)
    arrays = extra_library("vtkmodules.util.numpy_support", path).vtk_to_numpy
    reader = readers.vtkXMLPolyDataReader() if path.suffix.lower() == ".vtp" else readers.vtkPolyDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    data = reader.GetOutput()
    if not data.GetNumberOfPoints() or not data.GetNumberOfLines():
        refuse(path, "holds no lines", "save the centre lines as polydata")
    lines = data.GetLines()
    starts, joined = arrays(lines.GetOffsetsArray()), arrays(lines.GetConnectivityArray())
    pieces = [joined[a:b] for a, b in itertools.pairwise(starts)]
    pairs = np.concatenate([np.stack([piece[:-1], piece[1:]], axis=1) for piece in pieces])  # (E, 2)
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
