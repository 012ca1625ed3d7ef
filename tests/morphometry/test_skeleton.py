"""Lines of voxels: one for every vessel, also for those that scikit-image erases."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import euler_number
from skimage.morphology import skeletonize

from scripts.morphometry import VesselMask
from scripts.morphometry.skeleton import TOUCHING, _add_lost, skeleton_of
from scripts.morphometry.surface import Surface
from tests.morphometry.examples import CUBES, SLICES, arc, shape_of, tube


def lines_of(mask, voxel_size=CUBES):
    found = skeleton_of(VesselMask.of(mask, voxel_size))
    return found.points, found.side


def test_ordinary_vessels_have_scikit_images_lines():
    mask = tube([(5, 10, 10), (30, 12, 9)], 3.2, (36, 20, 20))
    points, side = lines_of(mask)
    np.testing.assert_array_equal(points, np.argwhere(skeletonize(mask)))
    assert side == 1


@pytest.mark.parametrize("width", [2, 4])
def test_a_vessel_that_scikit_image_erases_has_a_line(width):
    mask = np.zeros((40, 12, 12), bool)
    mask[5:35, 4 : 4 + width, 4 : 4 + width] = True
    assert not skeletonize(mask).any()
    points, _ = lines_of(mask)
    assert points[:, 0].min() <= 5 + width
    assert points[:, 0].max() >= 34 - width
    assert np.abs(points[width:-width, 1:] - (4 + (width - 1) / 2)).max() <= 1  # in the middle, as far as voxels can


def test_all_of_a_branching_piece_that_was_erased_is_found_again():
    mask = np.zeros((60, 60, 14), bool)
    mask[5:55, 5:7, 5:7] = mask[28:30, 5:50, 5:7] = True
    thin = np.zeros_like(mask)
    _add_lost(mask, thin, np.concatenate([*Surface(VesselMask.of(mask, CUBES)).parts()]))
    assert ndimage.label(thin, TOUCHING)[1] == 1
    line = np.argwhere(thin)
    assert (line[:, 0].min(), line[:, 0].max(), line[:, 1].max()) == (5, 54, 49)


def test_a_wide_place_gets_no_line_of_its_own():
    mask = tube([(-9, 30, 20), (99, 30, 20)], 3, (60, 60, 41)) | tube([(30, 35, 20), (30, 36, 20)], 12, (60, 60, 41))
    points, _ = lines_of(mask)
    np.testing.assert_array_equal(points, np.argwhere(skeletonize(mask)))


def test_voxels_long_along_z_are_cut_and_pieces_and_loops_stay():
    shape = shape_of(60, SLICES)
    ring = tube(arc(18, np.linspace(0, 2 * np.pi, 90), (30, 30, 30)), 3, shape, SLICES)
    points, side = lines_of(ring, SLICES)
    assert side == 1
    grid = np.zeros((60, 60, 60), bool)
    grid[tuple((points + np.array([0, 0, 2])).astype(int).T)] = True  # the first slice's parts begin 2 below its middle
    assert ndimage.label(grid, TOUCHING)[1] == 1
    assert euler_number(grid, 3) == 0  # one piece and one loop
    np.testing.assert_allclose(np.linalg.norm(points[:, :2] - 30, axis=1), 18, atol=1.5)


def test_an_empty_mask_has_no_line():
    points, _ = lines_of(np.zeros((8, 8, 8), bool))
    assert points.shape == (0, 3)
