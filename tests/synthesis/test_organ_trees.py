"""Trees that fill an organ: geometry that pencil and paper give, and flows that add up."""

import numpy as np
import pytest

from scripts.synthesis.organ_trees import feeding_tree, organ_filling

TERMINALS = np.random.default_rng(0).uniform(0, 50, (80, 3))


def test_one_terminal_is_a_straight_vessel():
    ends, parents, flows = feeding_tree(np.zeros(3), np.array([[3.0, 4.0, 0.0]]))
    np.testing.assert_array_equal(ends, [[[0, 0, 0], [3, 4, 0]]])
    assert parents.tolist() == [-1]
    assert flows.tolist() == [1]


def test_two_terminals_fork_on_the_axis_of_symmetry_at_murrays_angle():
    """With radii as 2^(1/3) : 1 : 1 least volume has each daughter leave at 37.5° (see `murray_angles`)."""
    ends, parents, flows = feeding_tree(np.zeros(3), np.array([[30.0, 10.0, 0.0], [30.0, -10.0, 0.0]]))
    assert flows.tolist() == [2, 1, 1]
    assert parents.tolist() == [-1, 0, 0]
    fork = ends[0, 1]
    assert fork[1:] == pytest.approx([0, 0], abs=0.05)
    # kept a twentieth off the corners; tan 37.47° = 10 / 13.05
    assert fork[0] == pytest.approx((30 - 13.05) * 0.95 + 20 * 0.05, abs=0.3)


@pytest.mark.parametrize("exponent", [2.5, 3.0])
def test_every_terminal_is_fed_once_and_flows_add_up(exponent):
    ends, parents, flows = feeding_tree(np.zeros(3), TERMINALS, exponent=exponent)
    leaves = [i for i in range(len(ends)) if i not in set(parents.tolist())]
    reached = {tuple(ends[i, 1]) for i in leaves}
    assert reached == {tuple(t) for t in TERMINALS}
    assert (flows[leaves] == 1).all()
    for segment, parent in enumerate(parents):
        assert parent < 0 or (ends[parent, 1] == ends[segment, 0]).all()
        daughters = np.flatnonzero(parents == segment)
        assert len(daughters) in (0, 2)
        assert not len(daughters) or flows[daughters].sum() == flows[segment]
    assert np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).min() > 0


def test_it_takes_less_vessel_than_a_vessel_for_each_terminal():
    ends, _, flows = feeding_tree(np.zeros(3), TERMINALS)
    volume = (np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1) * flows ** (2 / 3)).sum()
    assert volume < 0.6 * np.linalg.norm(TERMINALS, axis=1).sum()


def test_an_organ_has_a_tree_or_a_pair_all_within_reach():
    box = np.array([90.0, 80.0, 70.0])
    groups = set()
    for seed in range(8):
        segments = organ_filling(np.random.default_rng(seed), box)
        groups.add(len({s.group for s in segments}))
        points = np.concatenate([s.points for s in segments])
        assert (points > -1.0 * box).all()
        assert (points < 2.0 * box).all()
        for s in segments:
            assert s.parent < 0 or s.radius <= segments[s.parent].radius + 1e-9
    assert groups == {1, 2}
