"""Widenings and companions, on one straight vessel along X."""

import numpy as np
import pytest

from scripts.synthesis.segments import Segment
from scripts.synthesis.variations import with_companions, with_widenings

LINE = Segment(np.linspace((0.0, 20, 20), (60, 20, 20), 121), np.full(121, 3.0), 3.0)


def test_a_widening_swells_once_and_leaves_the_ends():
    for seed in range(8):
        (wide,) = with_widenings(np.random.default_rng(seed), [LINE], 1.0)
        np.testing.assert_array_equal(wide.points, LINE.points)
        peak = int(wide.radii.argmax())
        assert 1.35 * 3 < wide.radii.max() <= 2.5 * 3
        assert (np.diff(wide.radii[: peak + 1]) >= 0).all()
        assert (np.diff(wide.radii[peak:]) <= 0).all()
        assert min(wide.radii[0], wide.radii[-1]) < 3.5
    assert with_widenings(np.random.default_rng(0), [LINE], 0.0) == [LINE]


@pytest.mark.parametrize("seed", range(8))
def test_a_companion_runs_along_and_at_most_grazes(seed):
    first, second = with_companions(np.random.default_rng(seed), [LINE], 1.0)
    assert first is LINE
    assert second.parent == -1
    assert second.group != first.group
    distance = np.linalg.norm(second.points - first.points, axis=1)
    gap = distance - first.radius - second.radius
    assert gap.min() > -0.51
    assert gap[0] < 4.01
    assert gap.max() < 4.01 + second.radius
    np.testing.assert_allclose(np.diff(second.points[:, 0]), 0.5, atol=1e-9)


def test_few_of_many_get_a_companion():
    many = [LINE] * 50
    assert len(with_companions(np.random.default_rng(0), many, 1.0)) == 56
    assert with_companions(np.random.default_rng(0), many, 0.0) == many
