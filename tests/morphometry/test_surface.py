"""The surface of a mask: faces between vessel and background."""

import numpy as np
import pytest

from scripts.morphometry import VesselMask
from scripts.morphometry.surface import Surface, fine_axes


def points_of(mask, voxel_size, coarse=False, block=2**24):
    return np.concatenate([np.empty((0, 3)), *Surface(VesselMask.of(mask, voxel_size, block), coarse).parts()])


def test_a_voxel_has_six_faces():
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    found = {tuple(point) for point in points_of(mask, (1.25, 1, 1))}
    assert found == {(0.625, 1, 1), (1.875, 1, 1), (1.25, 0.5, 1), (1.25, 1.5, 1), (1.25, 1, 0.5), (1.25, 1, 1.5)}


def test_where_the_volume_ends_there_is_no_surface():
    assert points_of(np.ones((4, 4, 4), bool), (1, 1, 1)).shape == (0, 3)
    half = np.zeros((4, 4, 4), bool)
    half[:2] = True
    np.testing.assert_array_equal(np.unique(points_of(half, (1, 1, 1))[:, 0]), [1.5])


def test_faces_between_slices_far_apart_are_left_out_unless_asked_for():
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    assert fine_axes((1, 1, 5)) == [0, 1]
    assert len(points_of(mask, (1, 1, 5))) == 4
    assert len(points_of(mask, (1, 1, 5), coarse=True)) == 6


def test_of_one_fine_axis_all_faces_count():
    assert fine_axes((1, 1, 0.5)) == [0, 1, 2]
    assert fine_axes((1, 0.5, 0.5)) == [1, 2]


def test_block_by_block_the_faces_are_the_same():
    mask = np.random.default_rng(0).random((23, 17, 9)) > 0.9
    whole, blocks = (points_of(mask, (1, 2, 0.7), block=block) for block in (2**24, 8**3))
    assert len(whole) == len(blocks)
    assert {*map(tuple, whole.round(6))} == {*map(tuple, blocks.round(6))}


def test_faces_are_found_again_by_their_number():
    surface = Surface(VesselMask.of(np.random.default_rng(0).random((23, 17, 9)) > 0.9, (1, 2, 0.7), block=8**3))
    all_ = np.concatenate([*surface.parts()])
    which = np.random.default_rng(1).permutation(len(surface))[:50]
    np.testing.assert_array_equal(surface.points(which), all_[which])


@pytest.mark.parametrize("density", [0.3, 0.01, 0.001])
@pytest.mark.parametrize("block", [6**3, 2**24])
def test_the_nearest_face_may_lie_in_any_block(density, block):
    """Of many vessels most are found in a point's own block, of few hardly any."""
    random = np.random.default_rng(0)
    mask, size = random.random((40, 30, 20)) < density, np.array([1, 2, 0.7])
    surface = Surface(VesselMask.of(mask, size, block))
    points = (random.random((500, 3)) * 1.2 - 0.1) * mask.shape * size  # some outside
    apart = points[:, None] - np.concatenate([*surface.parts()])
    np.testing.assert_allclose(surface.distances(points), np.linalg.norm(apart, axis=2).min(axis=1))


def test_without_a_face_all_is_infinitely_far():
    surface = Surface(VesselMask.of(np.ones((4, 4, 4), bool), (1, 1, 1)))
    assert len(surface) == 0
    assert surface.distances(np.ones((2, 3))).tolist() == [np.inf, np.inf]
