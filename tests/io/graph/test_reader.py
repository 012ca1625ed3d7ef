"""Graphs of vessels: a fork, written by hand in every format, and by VTK itself."""

import numpy as np
import pytest

from scripts.io import read_graph

POINTS = [[0, 0, 0], [10, 0, 0], [18, 6, 0], [18, -6, 1.5]]
EDGES = [[0, 1], [1, 2], [1, 3]]
SWC = "# a fork\n1 2 0 0 0 4 -1\n2 2 10 0 0 4 1\n3 2 18 6 0 2 2\n4 2 18 -6 1.5 1 2\n"


def write_csv(folder, separator=",", nodes="id,x,y,z", edges="id,node_from,node_to,radius_mean"):
    rows = [",".join(map(str, (10 + i, *point))) for i, point in enumerate(POINTS)]
    (folder / "a_nodes.csv").write_text("\n".join([nodes, *rows]).replace(",", separator))
    rows = [f"{i},{10 + a},{10 + b},{4 - i}" for i, (a, b) in enumerate(EDGES)]
    (folder / "a_edges.csv").write_text("\n".join([edges, *rows]).replace(",", separator))
    return folder / "a_edges.csv"


def test_swc(tmp_path):
    (tmp_path / "a.swc").write_text(SWC)
    graph = read_graph(tmp_path / "a.swc")
    np.testing.assert_array_equal(graph.points, POINTS)
    np.testing.assert_array_equal(graph.edges, EDGES)
    np.testing.assert_array_equal(graph.radii, [[4, 4], [4, 2], [4, 1]])


@pytest.mark.parametrize(
    ("separator", "nodes", "edges"),
    [
        (",", "id,x,y,z", "id,node_from,node_to,radius_mean"),
        (";", "id,pos_x,pos_y,pos_z", "id,node1id,node2id,avgRadiusAvg"),
        (",", "\ufeffid,x,y,z", "id,source,target,radius"),
    ],
)
def test_csv_of_several_programs(tmp_path, separator, nodes, edges):
    graph = read_graph(write_csv(tmp_path, separator, nodes, edges))
    np.testing.assert_array_equal(graph.points, POINTS)
    np.testing.assert_array_equal(graph.edges, EDGES)
    np.testing.assert_array_equal(graph.radii, [[4, 4], [3, 3], [2, 2]])


@pytest.mark.parametrize("suffix", [".vtk", ".vtp"])
@pytest.mark.parametrize("per_line", [False, True])
def test_what_vtk_writes(tmp_path, suffix, per_line):
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkIOLegacy import vtkPolyDataWriter
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    points, lines, data = vtkPoints(), vtkCellArray(), vtkPolyData()
    for point in POINTS:
        points.InsertNextPoint(point)
    for line in ([0, 1, 2], [1, 3]):
        lines.InsertNextCell(len(line), line)
    data.SetPoints(points)
    data.SetLines(lines)
    radii = numpy_to_vtk(np.array([4.0, 2.0] if per_line else [4.0, 4.0, 2.0, 1.0]), deep=True)
    radii.SetName("Radius")
    (data.GetCellData() if per_line else data.GetPointData()).AddArray(radii)
    writer = vtkXMLPolyDataWriter() if suffix == ".vtp" else vtkPolyDataWriter()
    writer.SetFileName(str(tmp_path / f"a{suffix}"))
    writer.SetInputData(data)
    writer.Write()

    graph = read_graph(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(graph.points, POINTS)
    np.testing.assert_array_equal(graph.edges, EDGES)
    np.testing.assert_array_equal(graph.radii, [[4, 4], [4, 4], [2, 2]] if per_line else [[4, 4], [4, 2], [4, 1]])


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.swc", "1 2 0 0 0 4 -1\n", "holds no vessel: no two points of it are joined"),
        ("a.swc", "1 2 0 0 0 4 -1\n2 2 5 0 0 0 1\n", "a radius that is not above 0"),
        ("a.swc", "1 2 0 0 nan 4 -1\n2 2 5 0 0 1 1\n", "a position that is not finite"),
        ("a.swc", "1 2 0 0 0 4 -1\n2 2 5 0 0 1 7\n", "an edge ends at 7, which is no point of it"),
        ("a.swc", "\x00\x01 what", "cannot be read as a graph"),
        ("a.swc", "# nothing\n", "holds no points"),
        ("a.vtk", "no such format", "is no VTK polydata, or holds no lines"),
        ("a.swc", "1 2 0 0 0 4 -1\n1 2 5 0 0 1 1\n", "two points have the id 1"),
        ("a_edges.csv", "id,node_from,node_to,radius\n0,0,1,1\n", "its nodes are missing, a_nodes.csv"),
    ],
)
def test_what_is_no_graph_is_refused_in_one_line(tmp_path, name, text, words, capfd):
    (tmp_path / name).write_text(text)
    with pytest.raises((ValueError, OSError), match=rf"{name}.*: .*({words})") as refused:
        read_graph(tmp_path / name)
    assert "\n" not in str(refused.value)


def test_columns_that_are_not_there_are_named(tmp_path):
    path = write_csv(tmp_path, edges="id,from,to,radius_mean")
    with pytest.raises(ValueError, match=r"a_edges\.csv: has not the columns node_from node_to radius or"):
        read_graph(path)


def test_a_graph_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.swc: no such file"):
        read_graph(tmp_path / "a.swc")


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ("x,y,z\n0,0,0\n", "a_nodes.csv: has not the columns id x y z or id pos_x pos_y pos_z"),
        ("id,x,y,z\n0,0,0,no\n", "a_nodes.csv: row 2 holds no numbers in the columns id x y z"),
        ("id,x,y,z\n0,0,0\n", "a_nodes.csv: row 2 holds no numbers"),
        ("id,x,y,z\n", "a_edges.csv: an edge ends at 0, which is no point of it"),
        ("id,x,y,z\n0,0,0,0\n0,5,0,0\n", "a_nodes.csv: two points have the id 0"),
    ],
)
def test_what_is_wrong_with_a_csv_is_said_of_the_right_file(tmp_path, nodes, words):
    (tmp_path / "a_nodes.csv").write_text(nodes)
    (tmp_path / "a_edges.csv").write_text("id,source,target,radius\n0,0,1,1\n")
    with pytest.raises(ValueError, match=words):
        read_graph(tmp_path / "a_edges.csv")


def test_csv_with_spaces_capitals_and_ids_as_pandas_writes_them(tmp_path):
    (tmp_path / "A_NODES.CSV").write_text("id, x, y, z\n1.0, 0, 0, 0\n2.0, 5, 0, 0\n")
    (tmp_path / "A_EDGES.CSV").write_text("source, target, radius\n1.0, 2.0, 1.5\n")
    graph = read_graph(tmp_path / "A_EDGES.CSV")
    np.testing.assert_array_equal(graph.edges, [[0, 1]])
    np.testing.assert_array_equal(graph.radii, [[1.5, 1.5]])
