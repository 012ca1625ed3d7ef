"""Trees, meshes and stems, against what pencil and paper give."""

import numpy as np
import pytest

from scripts.synthesis.growth import capillary_mesh, grow_tree, murray_angles, thick_stem
from scripts.synthesis.segments import MIN_RADIUS

BOX = np.array([96.0, 96.0, 96.0])


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
    assert min(s.radius for s in segments) >= MIN_RADIUS


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
    heights = np.concatenate([s.points[:, 2] for s in tree(z_factor=0.0)])
    np.testing.assert_allclose(heights, 48.0)


def test_tortuosity_bends_and_zero_does_not():
    def excess(tortuosity):
        first = tree(1, tortuosity=tortuosity, length_factor=3.0)[0].points
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
    segments = thick_stem(np.random.default_rng(3), np.array([128.0, 128.0, 60.0]), 15.0)
    assert segments[0].radius == 15.0
    assert len(segments) > 1
    assert all(-1 <= s.parent < i for i, s in enumerate(segments))
    assert max(s.radius for s in segments[1:]) < 15.0
