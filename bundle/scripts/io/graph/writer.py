"""Write centre lines with radii: SWC, and VTK polydata as XML."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from scripts.core import write_text

VESSEL = 6  # SWC's types from 5 on are free for any use; 5 itself is a fork


def write_swc(path: Path, points: np.ndarray, radii: np.ndarray, lines: Sequence[np.ndarray], about: str) -> int:
    """Write centre lines as SWC, which has trees alone: a loop is cut open at one of its steps.

    Args:
        path: ends in `.swc`.
        points: (N, 3) along X, Y, Z.
        radii: (N,).
        lines: the numbers of each line's points.
        about: a remark for the file's first line.

    Returns:
        How many steps were left out.
    """
    steps = _steps(lines)  # (E, 2)
    graph = coo_array((np.ones(len(steps)), (steps[:, 0], steps[:, 1])), shape=(len(points),) * 2).tocsr()
    _, piece = connected_components(graph, directed=False)
    rows, written = [f"# {about}", "# id type x y z radius parent"], 0
    widest_first = np.lexsort((-radii, piece))  # piece by piece
    for root in widest_first[np.unique(piece[widest_first], return_index=True)[1]]:
        order, parents = breadth_first_order(graph, root, directed=False)
        for point in order:
            parent = parents[point] + 1 if point != root else -1
            place = " ".join(f"{value:.6g}" for value in (*points[point], radii[point]))
            rows.append(f"{point + 1} {VESSEL} {place} {parent}")
        written += len(order) - 1
    write_text(path, "\n".join(rows) + "\n")
    return len(steps) - written


def write_vtp(
    path: Path,
    points: np.ndarray,
    radii: np.ndarray,
    lines: Sequence[np.ndarray],
    values: Mapping[str, Sequence[float]],
) -> None:
    """Write centre lines as VTK polydata, which ParaView and 3D Slicer open.

    That needs no library: VTK's own takes 140 MB.

    Args:
        path: ends in `.vtp`.
        points: (N, 3) along X, Y, Z.
        radii: (N,).
        lines: the numbers of each line's points.
        values: by name, a number for each line.
    """
    root = ElementTree.Element(
        "VTKFile", type="PolyData", version="1.0", byte_order="LittleEndian", header_type="UInt64"
    )
    whole = ElementTree.SubElement(root, "PolyData")
    piece = ElementTree.SubElement(whole, "Piece", NumberOfPoints=str(len(points)), NumberOfLines=str(len(lines)))
    _array(ElementTree.SubElement(piece, "PointData", Scalars="radius"), "radius", radii)
    cells = ElementTree.SubElement(piece, "CellData")
    for name, each in values.items():
        _array(cells, name, np.asarray(each, dtype=np.float64))
    _array(ElementTree.SubElement(piece, "Points"), "Points", points, NumberOfComponents="3")
    joined = ElementTree.SubElement(piece, "Lines")
    _array(joined, "connectivity", np.concatenate([np.empty(0, np.int64), *lines]).astype(np.int64))
    _array(joined, "offsets", np.cumsum([len(line) for line in lines], dtype=np.int64))
    write_text(path, ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n")


def _array(parent: ElementTree.Element, name: str, values: np.ndarray, **more: str) -> None:
    """Add numbers in binary: as text VTK does not understand NaN."""
    stored = values.astype("<i8" if values.dtype.kind == "i" else "<f8")
    kind = "Int64" if values.dtype.kind == "i" else "Float64"
    array = ElementTree.SubElement(parent, "DataArray", {"type": kind, "Name": name, "format": "binary", **more})
    array.text = b64encode(np.array(stored.nbytes, "<u8").tobytes() + stored.tobytes()).decode()


def _steps(lines: Sequence[np.ndarray]) -> np.ndarray:
    """Return the pairs of points that follow one another, (E, 2)."""
    return np.concatenate([np.empty((0, 2), int), *(np.stack((line[:-1], line[1:]), axis=1) for line in lines)])
