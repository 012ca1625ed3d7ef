"""Tubes as voxels, against what pencil and paper give."""

import numpy as np
import pytest
from scipy import ndimage

from scripts.synthesis.rasterise import rasterise
from scripts.synthesis.segments import MIN_RADIUS
from tests.helpers.straight_tube import straight_tube


def test_tube_has_the_radius_asked_for():
    # 5.3, not 5: no voxel centre lies exactly on the wall, where the spacing of the samples would decide.
    depth, brightness = rasterise([straight_tube((-10, 20, 20), (70, 20, 20), 5.3)], (60, 41, 41), 1.0, np.array([0.7]))
    y, z = np.meshgrid(np.arange(41), np.arange(41), indexing="ij")
    disc = (y - 20) ** 2 + (z - 20) ** 2 <= 5.3**2
    np.testing.assert_array_equal(depth[30] >= 0, disc)
    assert depth[30, 20, 20] == pytest.approx(5.3, abs=0.12)  # the nearest sample counts: up to 0.1 away
    assert depth[30, 20, 23] == pytest.approx(2.3, abs=0.02)
    assert depth[30, 0, 0] == -1
    assert brightness[30, 20, 20] == pytest.approx(0.7)
    assert brightness[30, 0, 0] == 0


def test_coarse_slices_flatten_the_tube():
    """Slices five voxels deep: a tube of radius 10.4 along X is 21 voxels wide in Y and 5 in Z."""
    tube = straight_tube((-10, 20, 50), (50, 20, 50), 10.4)
    vessel = rasterise([tube], (40, 41, 21), 5.0, np.ones(1))[0][20] >= 0
    assert vessel.any(axis=1).sum() == 21
    assert vessel.any(axis=0).sum() == 5


@pytest.mark.parametrize("height", [50.0, 51.3, 52.5])
def test_a_thin_tube_between_coarse_slices_is_not_lost(height):
    depth, _ = rasterise([straight_tube((-5, 10, height), (45, 10, height), 1.0)], (40, 21, 21), 5.0, np.ones(1))
    assert (depth >= 0).any(axis=(1, 2)).all()


def test_thin_oblique_tube_stays_one_piece():
    depth, _ = rasterise([straight_tube((2, 3, 4), (60, 45, 37), MIN_RADIUS)], (64, 64, 64), 1.0, np.ones(1))
    assert ndimage.label(depth >= 0, np.ones((3, 3, 3)))[1] == 1


def test_nothing_and_things_outside_leave_the_volume_empty():
    assert (rasterise([], (10, 10, 10), 1.0, np.zeros(0))[0] == -1).all()
    far = straight_tube((200, 200, 200), (300, 200, 200), 3.0)
    assert (rasterise([far], (10, 10, 10), 1.0, np.ones(1))[0] == -1).all()
