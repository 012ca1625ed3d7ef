"""Graphs of lines drawn by hand."""

import networkx as nx
import numpy as np
import pytest

from scripts.morphometry.graph import Branch, branches_of


def graph_of(*points):
    voxels = np.array(points, int).reshape(-1, 3)
    return branches_of(voxels, voxels.astype(float))


def degrees(graph):
    return sorted(degree for _, degree in graph.degree())


def test_a_line_is_one_branch():
    graph = graph_of(*[(x, 0, 0) for x in range(6)])
    [(_, _, branch)] = graph.edges(data="branch")
    assert degrees(graph) == [1, 1]
    assert branch.length == 5


def test_a_diagonal_line_is_as_long_as_it_is():
    graph = graph_of(*[(x, x, x) for x in range(6)])
    [(_, _, branch)] = graph.edges(data="branch")
    assert branch.length == pytest.approx(5 * np.sqrt(3))


def test_points_that_meet_are_one_node():
    """A T whose middle, drawn in voxels, is a triangle of neighbours."""
    bar, stem = [(x, 0, 0) for x in range(9)], [(4, y, 0) for y in range(1, 6)]
    graph = graph_of(*bar, *stem)
    assert degrees(graph) == [1, 1, 1, 3]
    assert nx.number_connected_components(graph) == 1


def test_a_loop_without_ends_has_a_node():
    around = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 2), (3, 1), (2, 0), (1, 0)]
    graph = graph_of(*[(x, y, 0) for x, y in around])
    [(first, last, branch)] = graph.edges(data="branch")
    assert first == last
    assert branch.length == pytest.approx(4 + 4 * np.sqrt(2))
    np.testing.assert_array_equal(branch.points[0], branch.points[-1])


def test_points_go_from_the_smaller_node_to_the_other():
    rng = np.random.default_rng(0)
    mask = rng.random((20, 20, 3)) > 0.8
    graph = graph_of(*np.argwhere(mask))
    for first, last, branch in graph.edges(data="branch"):
        ends = [graph.nodes[node]["position"] for node in sorted((first, last))]
        np.testing.assert_array_equal(branch.points[[0, -1]], ends)


def test_what_has_no_neighbour_is_left_out():
    assert not graph_of((0, 0, 0), (5, 5, 5))
    assert not graph_of()


def test_paths_are_skans():
    """Lengths of branches between junctions, as skan has them where no two junctions touch."""
    from skan import Skeleton, summarize

    image = np.zeros((30, 30, 3), bool)
    image[2:28, 10, 1] = image[8, 10:27, 1] = image[20, 3:10, 1] = True
    graph = graph_of(*np.argwhere(image))
    theirs = summarize(Skeleton(image), separator="-")["branch-distance"].sum()
    ours = sum(branch.length for _, _, branch in graph.edges(data="branch"))
    assert graph.number_of_edges() == 5
    assert ours == pytest.approx(theirs, abs=2)  # a node lies between the voxels that meet in it


def test_the_length_of_a_branch():
    assert Branch(np.array([(0, 0, 0), (3, 4, 0), (3, 4, 2)], float)).length == 7


@pytest.mark.parametrize("sides", [(1, 1, 1), (1, 1, 1.4), (0.5, 0.7, 0.5), (1, 1, 9)], ids=str)
def test_neighbours_are_those_of_the_grid_whatever_its_sides(sides):
    around = np.array([(0, 1), (0, 2), (1, 3), (2, 3), (3, 2), (3, 1), (2, 0), (1, 0)])
    for axis in range(3):
        voxels = np.insert(around, axis, 0, axis=1)
        graph = branches_of(voxels, voxels * sides)
        assert (graph.number_of_nodes(), graph.number_of_edges()) == (1, 1)
