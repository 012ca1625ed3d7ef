"""The length of lines that one can count by hand."""

from itertools import combinations, product

import numpy as np
import pytest

from scripts.metrics.length import length_of, links_of


def line_of(*voxels, shape=(12, 12, 12)):
    line = np.zeros(shape, dtype=bool)
    line[tuple(np.transpose(voxels))] = True
    return line


def length(line, voxel_size=(1, 1, 1), counted=None):
    return length_of(links_of(line, np.ones_like(line) if counted is None else counted), voxel_size)


@pytest.mark.parametrize(
    ("step", "each"),
    [((1, 0, 0), 2), ((0, 1, 0), 3), ((0, 0, 1), 6), ((1, 1, 0), 13**0.5), ((1, 0, -1), 40**0.5), ((1, -1, 1), 7)],
    ids=str,
)
def test_a_straight_line_has_a_link_less_than_voxels(step, each):
    voxels = np.arange(10)[:, None] * step
    assert length(line_of(*(voxels - voxels.min(axis=0))), (2, 3, 6)) == pytest.approx(9 * each)


def test_round_a_corner_no_diagonal_counts():
    assert length(line_of((0, 0, 0), (1, 0, 0), (1, 1, 0))) == 2
    assert length(line_of((0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1))) == 3
    assert length(line_of((0, 0, 0), (1, 1, 0), (1, 1, 1))) == pytest.approx(2**0.5 + 1)


def test_a_fork_has_its_three_branches():
    arms = [(5, 5, 5), *((5 - n, 5, 5) for n in (1, 2, 3)), *((5 + n, 5 + n, 5) for n in (1, 2)), (6, 4, 5), (7, 3, 5)]
    assert length(line_of(*arms)) == pytest.approx(3 + 4 * 2**0.5)


def test_single_voxels_and_nothing_have_no_length():
    assert length(line_of((0, 0, 0), (11, 11, 11), (4, 6, 4))) == 0
    assert length(np.zeros((3, 3, 3), dtype=bool)) == 0


def test_of_a_link_across_the_border_of_what_counts_one_half_does():
    counted = np.zeros((12, 12, 12), dtype=bool)
    counted[:5] = True
    assert length(line_of(*((x, 2, 2) for x in range(10))), counted=counted) == 4.5


def test_parts_add_up_to_the_whole_exactly():
    random = np.random.default_rng(0)
    line, part = random.random((20, 9, 14)) < 0.2, random.integers(0, 3, (20, 9, 14))
    np.testing.assert_array_equal(
        sum(links_of(line, part == number) for number in range(3)), links_of(line, np.ones_like(line))
    )


def test_all_links_of_noise_one_by_one():
    line, size = np.random.default_rng(0).random((7, 6, 5)) < 0.3, np.array([1, 2, 5])
    total = 0.0
    for one, two in combinations(np.argwhere(line), 2):
        box = [sorted({*pair}) for pair in zip(one, two, strict=True)]
        between = [at for at in product(*box) if line[at] and at not in ((*one,), (*two,))]
        if np.abs(one - two).max() == 1 and not between:
            total += np.linalg.norm((one - two) * size)
    assert length(line, size) == pytest.approx(total)


def test_in_any_direction_a_line_is_a_tenth_too_long_in_the_mean():
    random, far = np.random.default_rng(0), 400
    ratios = []
    for _ in range(100):
        along = random.normal(size=3)
        steps = np.rint(np.linspace(0, 1, far + 1)[:, None] * along / np.abs(along).max() * far).astype(int)
        voxels = steps - steps.min(axis=0)
        line = line_of(*voxels, shape=voxels.max(axis=0) + 1)
        ratios.append(length(line) / np.linalg.norm(voxels[-1] - voxels[0]))
    assert 1 <= min(ratios) < max(ratios) < 1.155
    assert np.mean(ratios) == pytest.approx(1.095, abs=0.01)
