"""Which part of a volume patches are drawn from, on sides that one can add up."""

import numpy as np

from scripts.transforms.stored import Fitted, fit

CUBIC = np.diag([1.0, 1, 1, 1])


def test_a_volume_that_is_labelled_all_over_is_padded_by_what_a_turned_patch_needs():
    found = fit(((0, 100), (0, 90), (0, 80)), (100, 90, 80), CUBIC, (64, 64, 64), (92, 92, 64))
    assert found.kept == ((0, 100), (0, 90), (0, 80))
    assert found.window == ((-14, 114), (-14, 104), (0, 80))
    assert (found.order, found.shape) == ((0, 1, 2), (128, 118, 80))


def test_a_labelled_block_keeps_a_patch_around_it():
    found = fit(((100, 200), (300, 310), (40, 44)), (500, 500, 60), CUBIC, (64, 64, 64), (92, 92, 64))
    assert found.kept == ((36, 264), (236, 374), (0, 60))
    # every patch that holds the ten labelled voxels along Y is a good one, and so are those of up to 64 along Z
    assert found.window == ((86, 214), (232, 378), (0, 64))


def test_the_through_plane_axis_comes_last():
    found = fit(((0, 50), (0, 10), (0, 60)), (50, 10, 60), np.diag([1.0, 5, 1, 1]), (16, 16, 16), (26, 26, 16))
    assert (found.order, found.shape) == ((0, 2, 1), (60, 70, 16))
    assert found.box_of((slice(0, 4), slice(5, 9), slice(2, 100))) == ((-5, -1), (2, 16), (0, 4))


def test_flat_indices_are_those_of_the_part():
    found = Fitted((0, 2, 1), ((0, 4), (0, 5), (0, 6)), ((-1, 5), (0, 5), (2, 8)))
    assert found.shape == (6, 6, 5)
    assert found.indices_of(np.array([[-1, 0, 2], [0, 3, 4]])).tolist() == [0, 1 * 30 + 2 * 5 + 3]
