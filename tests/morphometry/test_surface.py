"""The surface of a mask: faces between vessel and background."""

import numpy as np

from scripts.morphometry import VesselMask
from scripts.morphometry.surface import fine_axes, surface_points


def test_a_voxel_has_six_faces():
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    found = {tuple(point) for point in surface_points(VesselMask.of(mask, (1.25, 1, 1)))}
    assert found == {(0.625, 1, 1), (1.875, 1, 1), (1.25, 0.5, 1), (1.25, 1.5, 1), (1.25, 1, 0.5), (1.25, 1, 1.5)}


def test_where_the_volume_ends_there_is_no_surface():
    assert surface_points(VesselMask.of(np.ones((4, 4, 4), bool), (1, 1, 1))).shape == (0, 3)
    half = np.zeros((4, 4, 4), bool)
    half[:2] = True
    np.testing.assert_array_equal(np.unique(surface_points(VesselMask.of(half, (1, 1, 1)))[:, 0]), [1.5])


def test_faces_between_slices_far_apart_are_left_out_unless_asked_for():
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    assert fine_axes((1, 1, 5)) == [0, 1]
    assert len(surface_points(VesselMask.of(mask, (1, 1, 5)))) == 4
    assert len(surface_points(VesselMask.of(mask, (1, 1, 5)), coarse=True)) == 6


def test_of_one_fine_axis_all_faces_count():
    assert fine_axes((1, 1, 0.5)) == [0, 1, 2]
    assert fine_axes((1, 0.5, 0.5)) == [1, 2]
