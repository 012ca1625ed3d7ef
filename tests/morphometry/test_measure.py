"""Branches, loops, lengths and radii of tubes whose own are known."""

import sys

import networkx as nx
import numpy as np
import pytest

from scripts.morphometry import BRANCH_COLUMNS, NODE_COLUMNS, VesselMask, measure
from tests.morphometry.examples import CUBES, SLICES, arc, shape_of, tube, y

LENGTH, RADIUS = 0.03, 0.5  # of the length, and of the smallest side of a voxel


def straight(voxel_size, radius=4):
    ends = np.array([(12.3, 20.2, 40.4), (68.3, 60.2, 40.4)])
    return tube(ends, radius, shape_of(80, voxel_size), voxel_size), np.linalg.norm(ends[1] - ends[0]), radius


def oblique(voxel_size, radius=5):
    ends = np.array([(15.3, 20.2, 20.4), (62.3, 50.2, 55.4)])
    return tube(ends, radius, shape_of(80, voxel_size), voxel_size), np.linalg.norm(ends[1] - ends[0]), radius


def bent(voxel_size, radius=4):
    line = arc(45, np.linspace(0, np.pi / 2, 60), (20, 20, 40))
    return tube(line, radius, shape_of(80, voxel_size), voxel_size), 45 * np.pi / 2, radius


def helix(voxel_size, radius=4):
    angles = np.linspace(0, 3 * np.pi, 150)
    line = arc(22, angles, (40, 40, 15))
    line[:, 2] += angles / angles[-1] * 55
    length = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    return tube(line, radius, shape_of(85, voxel_size), voxel_size), length, radius


def torus(voxel_size, radius=4):
    line = arc(24, np.linspace(0, 2 * np.pi, 120), (40.3, 40.2, 40.4))
    return tube(line, radius, shape_of(80, voxel_size), voxel_size), 2 * np.pi * 24, radius


@pytest.mark.parametrize("voxel_size", [CUBES, SLICES], ids=["1:1:1", "5:1:1"])
@pytest.mark.parametrize(
    ("draw", "loops"),
    [(straight, 0), (oblique, 0), (bent, 0), (helix, 0), (torus, 1)],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_one_tube(draw, loops, voxel_size):
    mask, length, radius = draw(voxel_size)
    network = measure(mask, voxel_size)
    summary = network.summary()
    assert (summary["branches"], summary["loops"], summary["components"]) == (1, loops, 1)
    assert summary["length"] == pytest.approx(length, rel=LENGTH)
    assert summary["radius_mean"] == pytest.approx(radius, abs=RADIUS)
    if voxel_size == CUBES:  # a few slices through a tube hold a tenth more or less than it
        caps = 0 if loops else 4 / 3 * np.pi * radius**3
        assert summary["vessel_volume"] == pytest.approx(np.pi * radius**2 * length + caps, rel=0.05)


@pytest.mark.parametrize("voxel_size", [CUBES, SLICES], ids=["1:1:1", "5:1:1"])
@pytest.mark.parametrize("radius", [4.0, 7.0])
def test_a_y(radius, voxel_size):
    network = measure(y(radius, voxel_size), voxel_size)
    summary = network.summary()
    assert (summary["branches"], summary["nodes"], summary["branch_points"], summary["ends"]) == (3, 4, 1, 3)
    assert summary["loops"] == 0
    assert summary["length"] == pytest.approx(90, rel=LENGTH)
    assert summary["radius_mean"] == pytest.approx(radius, abs=RADIUS)


@pytest.mark.parametrize("voxel_size", [CUBES, SLICES], ids=["1:1:1", "5:1:1"])
def test_tubes_that_touch_are_joined_where_they_do(voxel_size):
    shape = shape_of(80, voxel_size)
    lower = tube([(5, 40, 30), (75, 40, 30)], 3, shape, voxel_size)
    through = tube([(40, 5, 30), (40, 75, 30)], 3, shape, voxel_size)
    above = tube([(40, 5, 36), (40, 75, 36)], 3, shape, voxel_size)
    crossed, touching = (measure(lower | other, voxel_size).summary() for other in (through, above))
    assert (crossed["branches"], crossed["loops"], crossed["components"]) == (4, 0, 1)
    assert (touching["branches"], touching["loops"], touching["components"]) == (5, 0, 1)  # and the link between them


def test_two_tubes_apart_are_two_components():
    shape = shape_of(80, CUBES)
    apart = tube([(5, 30, 30), (75, 30, 30)], 3, shape) | tube([(5, 45, 30), (75, 45, 30)], 3, shape)
    summary = measure(apart, CUBES).summary()
    assert (summary["branches"], summary["components"]) == (2, 2)


def test_volumes_of_branches_add_up_and_lengths_scale_with_the_voxel():
    mask = y(4.0)
    once, twice = measure(mask, CUBES), measure(mask, (2, 2, 2))
    assert sum(row["volume"] for row in once.branch_rows()) == mask.sum()
    assert twice.summary()["vessel_volume"] == 8 * mask.sum()
    for one, two in zip(once.branch_rows(), twice.branch_rows(), strict=True):
        assert two["length"] == pytest.approx(2 * one["length"])
        assert two["radius_mean"] == pytest.approx(2 * one["radius_mean"])
        assert two["tortuosity"] == pytest.approx(one["tortuosity"])


def test_rows_have_their_columns_and_the_numbers_of_nodes():
    network = measure(y(4.0), CUBES)
    assert all(tuple(row) == BRANCH_COLUMNS for row in network.branch_rows())
    assert all(tuple(row) == NODE_COLUMNS for row in network.node_rows())
    places = {row["node"]: np.array([row[axis] for axis in "xyz"]) for row in network.node_rows()}
    for row, branch in zip(network.branch_rows(), network.branches, strict=True):
        ends = [places[row["node_from"]], places[row["node_to"]]]
        np.testing.assert_allclose(branch.points[[0, -1]], ends)
        assert row["chord"] == pytest.approx(np.linalg.norm(np.subtract(*ends)))
        assert 1 <= row["tortuosity"] < 1.1
        assert row["radius_min"] <= row["radius_mean"] <= row["radius_max"]


def test_the_tortuosity_of_a_loop_is_undefined():
    mask, _, _ = torus(CUBES)
    [row] = measure(mask, CUBES).branch_rows()
    assert row["node_from"] == row["node_to"]
    assert row["tortuosity"] is None


def test_half_a_circle_is_half_pi_as_long_as_its_chord():
    mask = tube(arc(30, np.linspace(0, np.pi, 90), (40, 10, 15)), 3, (80, 55, 31))
    [row] = measure(mask, CUBES).branch_rows()
    assert row["tortuosity"] == pytest.approx(np.pi / 2, rel=0.03)


def test_tissue_between_two_walls_is_a_quarter_of_their_distance_away_in_the_mean():
    mask = np.zeros((40, 20, 20), bool)
    mask[:4] = mask[36:] = True  # walls 32 apart
    summary = measure(mask, (0.5, 0.5, 0.5)).summary()
    assert summary["tissue_distance_mean"] == pytest.approx(4, abs=0.01)
    assert summary["tissue_distance_max"] == pytest.approx(7.75)
    assert summary["vessel_fraction"] == 0.2


@pytest.mark.parametrize("fill", [False, True])
def test_what_is_empty_or_full_has_no_branch(fill):
    network = measure(np.full((20, 20, 20), fill), CUBES)
    summary = network.summary()
    assert summary["vessel_fraction"] == fill
    assert (summary["branches"], summary["length"], summary["radius_mean"]) == (0, 0, None)
    assert network.lines()[0].shape == (0, 3)


def test_no_node_is_without_a_branch():
    mask = np.random.default_rng(0).random((40, 40, 40)) > 0.7
    network = measure(mask, CUBES)
    assert network.summary()["branches"] > 10
    assert not list(nx.isolates(network.graph))


def test_lines_join_all_points():
    network = measure(y(4.0), CUBES)
    points, radii, lines = network.lines()
    assert len(points) == len(radii) == len(set(np.concatenate(lines)))
    for line, branch in zip(lines, network.branches, strict=True):
        np.testing.assert_allclose(points[line], branch.points)


@pytest.mark.parametrize("voxel_size", [CUBES, SLICES], ids=["1:1:1", "5:1:1"])
def test_block_by_block_all_is_as_in_one(voxel_size):
    """Blocks of 32 voxels along each side, with vessels as wide as their margin and lines along their borders."""
    shape = shape_of(110, voxel_size)
    mask = y(7.0, voxel_size, arm=45.0, side=110.0) | tube([(32, 5, 32), (32, 105, 32)], 2.2, shape, voxel_size)
    mask |= np.random.default_rng(0).random(shape) > 0.9995
    whole = measure(mask, voxel_size)
    blocks = measure(VesselMask.of(mask, voxel_size, block=2**15))
    assert blocks.branch_rows() == [pytest.approx(row) for row in whole.branch_rows()]
    assert blocks.node_rows() == [pytest.approx(row) for row in whole.node_rows()]
    assert blocks.summary() == {
        key: value if value is None else pytest.approx(value) for key, value in whole.summary().items()
    }


PROPORTIONS = (1, 1, 1.12), (1, 1, 1.2), (1, 1, 1.4), (1, 1, 2.5), (1, 1, 3.4), (0.8, 0.8, 0.5), (0.5, 1, 1)


@pytest.mark.parametrize("voxel_size", PROPORTIONS, ids=str)
@pytest.mark.parametrize("draw", [bent, torus], ids=["bent", "torus"])
def test_voxels_of_any_proportion(draw, voxel_size):
    mask, length, radius = draw(voxel_size)
    summary = measure(mask, voxel_size).summary()
    assert (summary["branches"], summary["loops"]) == (1, draw is torus)
    assert summary["length"] == pytest.approx(length, abs=radius)  # an end is known to within a radius
    assert summary["radius_mean"] == pytest.approx(radius, abs=RADIUS)


def test_a_loop_on_a_vessel_ends_at_its_node():
    ring = tube(arc(15, np.linspace(0, 2 * np.pi, 90), (25, 25, 15)), 3, (80, 50, 31))
    network = measure(ring | tube([(40, 25, 15), (75, 25, 15)], 3, (80, 50, 31)), CUBES)
    points, _, lines = network.lines()
    assert sorted(network.graph.degree(node) for node in network.graph) == [1, 3]
    for line, row in zip(lines, network.branch_rows(), strict=True):
        drawn = np.linalg.norm(np.diff(points[line], axis=0), axis=1).sum()
        assert drawn == pytest.approx(row["length"])


def test_a_free_loop_has_its_node_on_its_line():
    network = measure(torus(CUBES)[0], CUBES)
    [node], [branch] = network.node_rows(), network.branches
    np.testing.assert_allclose(branch.points[[0, -1]], [[node[axis] for axis in "xyz"]] * 2)


def test_a_blob_without_a_line_is_no_branchs_volume():
    mask = np.zeros((60, 40, 20), bool)
    mask[10:50, 5:10, 5:10] = True
    alone = measure(mask, CUBES).branch_rows()[0]["volume"]
    mask[25:35, 27:37, 5:15] = True
    assert [row["volume"] for row in measure(mask, CUBES).branch_rows()] == [alone]
    assert alone == 1000


def test_tissue_of_a_thin_volume_has_its_distance(monkeypatch):
    monkeypatch.setattr(sys.modules["scripts.morphometry.measure"], "MAX_TISSUE", 100)  # a function has its name
    mask = np.zeros((60, 60, 1), bool)
    mask[:, 20:23] = True
    network = measure(mask, CUBES)
    assert 50 < len(network.tissue_distance) <= 250
    assert network.summary()["tissue_distance_max"] > 20
