"""Centre lines as SWC and VTK: read again as they were written."""

import numpy as np
import pytest

from scripts.io import read_graph, write_swc, write_vtp

POINTS = np.array([(0, 0, 0), (10, 0, 0), (10, 8, 0), (4, 0, 1), (7, 0, 1), (10, 4, 0)], float)
RADII = np.array([2, 1.5, 1, 2, 1.75, 1.25])
LINES = [np.array([0, 3, 4, 1]), np.array([1, 5, 2])]


def steps_of(graph):
    """Pairs of places that are joined, and the radii there, in an order of their own."""
    ends = zip(graph.points[graph.edges].round(5), graph.radii.round(5), strict=True)
    return sorted(sorted((*place.tolist(), radius) for place, radius in zip(*end, strict=True)) for end in ends)


def expected():
    pairs = [(0, 3), (3, 4), (4, 1), (1, 5), (5, 2)]
    return sorted(sorted((*POINTS[i].tolist(), RADII[i]) for i in pair) for pair in pairs)


def test_swc_is_read_as_it_was_written(tmp_path):
    assert write_swc(tmp_path / "a.swc", POINTS, RADII, LINES, "lengths in µm") == 0
    assert steps_of(read_graph(tmp_path / "a.swc")) == expected()
    rows = (tmp_path / "a.swc").read_text(encoding="utf-8").splitlines()
    assert rows[:2] == ["# lengths in µm", "# id type x y z radius parent"]
    assert rows[2] == "1 6 0 0 0 2 -1"  # the widest point is the root
    seen = set()
    for row in rows[2:]:  # a parent stands before its children, as some readers want it
        name, *_, parent = map(float, row.split())
        assert parent == -1 or parent in seen
        seen.add(name)


def test_a_loop_is_cut_open_in_swc(tmp_path):
    around = [np.array([0, 3, 4, 1]), np.array([1, 5, 2]), np.array([2, 0])]
    assert write_swc(tmp_path / "a.swc", POINTS, RADII, around, "") == 1
    assert len(read_graph(tmp_path / "a.swc").edges) == 5


def test_each_piece_has_a_root(tmp_path):
    apart = [np.array([0, 3]), np.array([5, 2])]
    used = np.array([0, 3, 5, 2])
    lines = [np.searchsorted(np.sort(used), line) for line in apart]
    write_swc(tmp_path / "a.swc", POINTS[np.sort(used)], RADII[np.sort(used)], lines, "")
    rows = [row.split() for row in (tmp_path / "a.swc").read_text().splitlines()[2:]]
    assert [row[6] for row in rows].count("-1") == 2


def test_vtk_is_read_as_it_was_written(tmp_path):
    pytest.importorskip("vtk")
    write_vtp(tmp_path / "a.vtp", POINTS, RADII, LINES, {"length": [10.5, 8], "branch": [0, 1]})
    assert steps_of(read_graph(tmp_path / "a.vtp")) == expected()


def test_vtk_has_the_values_of_lines(tmp_path):
    vtk = pytest.importorskip("vtkmodules.vtkIOXML")
    from vtkmodules.util.numpy_support import vtk_to_numpy

    write_vtp(tmp_path / "a.vtp", POINTS, RADII, LINES, {"length": [10.5, float("nan")]})
    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(str(tmp_path / "a.vtp"))
    reader.Update()
    found = vtk_to_numpy(reader.GetOutput().GetCellData().GetArray("length"))
    np.testing.assert_array_equal(found, [10.5, np.nan])


def test_nothing_is_written_as_nothing(tmp_path):
    none = np.empty((0, 3)), np.empty(0)
    assert write_swc(tmp_path / "a.swc", *none, [], "none") == 0
    write_vtp(tmp_path / "a.vtp", *none, [], {})
    assert (tmp_path / "a.swc").read_text().splitlines()[0] == "# none"
