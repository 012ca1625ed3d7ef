"""Vessels as curves and as voxels, against what pencil and paper give."""

import numpy as np
import pytest

from scripts.synthesis.growth import capillary_mesh, grow_tree, murray_angles, thick_stems
from scripts.synthesis.rasterise import rasterise
from scripts.synthesis.segments import SMALLEST_RADIUS, Segment, filled_fraction

BOX = np.array([96.0, 96.0, 96.0])


def straight_tube(start, end, radius, samples=400):
    points = np.linspace(start, end, samples)
    return Segment(points, np.full(samples, float(radius)), float(radius))


def tree(seed=0, radius=6.0, **options):
    return grow_tree(np.random.default_rng(seed), BOX, (0, 48, 48), (1, 0, 0), radius, **options)


@pytest.mark.parametrize("seed", range(4))
def test_every_bifurcation_obeys_murray(seed):
    segments = tree(seed)
    daughters = {}
    for s in segments:
        daughters.setdefault(s.parent, []).append(s)
    forks = [(segments[p], pair) for p, pair in daughters.items() if p >= 0 and len(pair) == 2]
    assert len(forks) > 10
    for parent, (a, b) in forks:
        assert a.radius**3 + b.radius**3 == pytest.approx(parent.radius**3, rel=1e-6)
        np.testing.assert_allclose(a.points[0], parent.end)
        np.testing.assert_allclose(b.points[0], parent.end)
    assert min(s.radius for s in segments) >= SMALLEST_RADIUS


def test_murray_angles_of_equal_daughters():
    """Equal daughters part at 2 · 37.5°: cos θ = r0⁴ / (2 r0² r1²) with r1 = r0 / 2^(1/3)."""
    a, b = np.degrees(murray_angles(1.0, 2 ** (-1 / 3), 2 ** (-1 / 3)))
    assert a == pytest.approx(37.47, abs=0.01)
    assert a == pytest.approx(b)


def test_the_thinner_daughter_turns_more():
    r1, r2 = 0.1 ** (1 / 3), 0.9 ** (1 / 3)
    thin, thick = murray_angles(1.0, r1, r2)
    assert thin > np.radians(60)
    assert thick < np.radians(25)


def test_flat_tree_stays_in_its_plane():
    heights = np.concatenate([s.points[:, 2] for s in tree(flatness=0.0)])
    np.testing.assert_allclose(heights, 48.0)


def test_tortuosity_bends_and_zero_does_not():
    def excess(tortuosity):
        first = tree(1, tortuosity=tortuosity, reach=3.0)[0].points
        return np.linalg.norm(np.diff(first, axis=0), axis=1).sum() / np.linalg.norm(first[-1] - first[0])

    assert excess(0.0) == pytest.approx(1.0)
    assert excess(0.5) > 1.01


def test_centre_lines_are_smooth():
    """No kink: neighbouring steps of a wandering vessel never turn by more than 45°."""
    for s in tree(2, tortuosity=0.4):
        steps = np.diff(s.points, axis=0)
        steps /= np.linalg.norm(steps, axis=1, keepdims=True)
        assert (np.sum(steps[1:] * steps[:-1], axis=1) > np.cos(np.radians(45))).all()


def test_mesh_has_loops_and_few_edges_a_node():
    edges = capillary_mesh(np.random.default_rng(0), BOX, 14.0, 1.2)
    ends = [tuple(np.round(p, 6)) for s in edges for p in (s.points[0], s.points[-1])]
    nodes, degree = np.unique(ends, axis=0, return_counts=True)
    assert degree.max() <= 4
    assert (degree >= 3).mean() > 0.3
    # A forest has fewer edges than nodes; the surplus counts independent loops.
    assert len(edges) - len(nodes) > 20


def test_flat_mesh_is_a_layer():
    edges = capillary_mesh(np.random.default_rng(0), BOX, 12.0, 1.0, flat=True)
    heights = np.concatenate([s.points[:, 2] for s in edges])
    assert heights.std() < 10


def test_stem_crosses_the_field_and_branches():
    segments = thick_stems(np.random.default_rng(3), np.array([128.0, 128.0, 60.0]), 15.0)
    assert segments[0].radius == 15.0
    assert len(segments) > 1
    assert all(-1 <= s.parent < i for i, s in enumerate(segments))
    assert max(s.radius for s in segments[1:]) < 15.0


def test_tube_has_the_radius_asked_for():
    # 5.3, not 5: no voxel centre lies exactly on the wall, where the spacing of the samples would decide.
    depth, tone = rasterise([straight_tube((-10, 20, 20), (70, 20, 20), 5.3)], (60, 41, 41), 1.0, np.array([0.7]))
    y, z = np.meshgrid(np.arange(41), np.arange(41), indexing="ij")
    disc = (y - 20) ** 2 + (z - 20) ** 2 <= 5.3**2
    np.testing.assert_array_equal(depth[30] >= 0, disc)
    assert depth[30, 20, 20] == pytest.approx(5.3, abs=0.12)  # the nearest sample counts: up to 0.1 away
    assert depth[30, 20, 23] == pytest.approx(2.3, abs=0.02)
    assert depth[30, 0, 0] == -1
    assert tone[30, 20, 20] == pytest.approx(0.7)
    assert tone[30, 0, 0] == 0


def test_coarse_slices_flatten_the_tube():
    """Slices five voxels deep: a tube of radius 10.4 along X is 21 voxels wide in Y and 5 in Z."""
    tube = straight_tube((-10, 20, 50), (50, 20, 50), 10.4)
    vessel = rasterise([tube], (40, 41, 21), 5.0, np.ones(1))[0][20] >= 0
    assert vessel.any(axis=1).sum() == 21
    assert vessel.any(axis=0).sum() == 5


@pytest.mark.parametrize("height", [50.0, 51.3, 52.5])
def test_a_thread_between_coarse_slices_is_not_lost(height):
    depth, _ = rasterise([straight_tube((-5, 10, height), (45, 10, height), 1.0)], (40, 21, 21), 5.0, np.ones(1))
    assert (depth >= 0).any(axis=(1, 2)).all()


def test_thin_oblique_thread_stays_one_piece():
    from scipy import ndimage

    depth, _ = rasterise([straight_tube((2, 3, 4), (60, 45, 37), SMALLEST_RADIUS)], (64, 64, 64), 1.0, np.ones(1))
    assert ndimage.label(depth >= 0, np.ones((3, 3, 3)))[1] == 1


def test_nothing_and_things_outside_leave_the_volume_empty():
    assert (rasterise([], (10, 10, 10), 1.0, np.zeros(0))[0] == -1).all()
    far = straight_tube((200, 200, 200), (300, 200, 200), 3.0)
    assert (rasterise([far], (10, 10, 10), 1.0, np.ones(1))[0] == -1).all()


def test_filled_fraction_of_a_tube():
    box = np.array([100.0, 50.0, 50.0])
    fraction = filled_fraction([straight_tube((0, 25, 25), (100, 25, 25), 5.0, 501)], box)
    assert fraction == pytest.approx(np.pi * 25 / 2500, rel=0.01)
