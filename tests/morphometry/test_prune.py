"""Spurs go, and branches stay."""

import numpy as np

from scripts.morphometry import VesselMask
from scripts.morphometry.graph import branches_of
from scripts.morphometry.prune import join, prune
from scripts.morphometry.surface import Surface
from tests.morphometry.examples import tube


def graph_of(points):
    return branches_of(np.array(points, int), np.array(points, float))


def vessel(radius):
    """A straight vessel along X."""
    return Surface(VesselMask.of(tube([(-9, 15, 15), (99, 15, 15)], radius, (60, 31, 31)), (1, 1, 1)))


def line(*twigs):
    """A line along its middle with twigs of some lengths along Y."""
    points = [(x, 15, 15) for x in range(60)]
    for x, length in twigs:
        points += [(x, 15 + y, 15) for y in range(1, length + 1)]
    return graph_of(points)


def test_a_twig_inside_the_vessel_is_cut_off_and_its_node_goes():
    graph = line((30, 4))
    assert prune(graph, vessel(5), 1.0) == 1
    [(_, _, branch)] = graph.edges(data="branch")
    assert abs(branch.length - 59) < 1


def test_one_that_leaves_it_stays():
    graph = line((30, 9))
    assert prune(graph, vessel(5), 1.0) == 0
    assert graph.number_of_edges() == 3


def test_several_go_one_after_another():
    graph = line((10, 3), (30, 9), (40, 4), (50, 2))
    assert prune(graph, vessel(5), 1.0) == 3
    assert graph.number_of_edges() == 3


def test_of_a_fork_in_a_wide_end_one_goes():
    points = (
        [(x, 15, 15) for x in range(55)]
        + [(55 + i, 16 + i, 15) for i in range(3)]
        + [(55 + i, 14 - i, 15) for i in range(2)]
    )
    graph = graph_of(points)
    assert prune(graph, vessel(6), 1.0) == 1
    [(_, _, branch)] = graph.edges(data="branch")
    assert branch.points[:, 1].max() > 17  # the longer one is the vessel's end


def test_a_loop_keeps_its_node():
    around = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 2), (3, 1), (2, 0), (1, 0)]
    graph = graph_of([(x, y, 0) for x, y in around])
    assert join(graph, 0) is None
    assert graph.number_of_edges() == 1


def test_without_a_surface_nothing_is_cut():
    graph = line((30, 4))
    assert prune(graph, Surface(VesselMask.of(np.ones((4, 4, 4), bool), (1, 1, 1))), 1.0) == 0
