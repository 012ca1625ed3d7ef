"""Pieces of masks that one can count by hand, whole and cut into slabs."""

import numpy as np
import pytest
from scipy import ndimage

from scripts.transforms.components import FACES, TOUCHING, Pieces, drop_small, fill_holes, keep_those_with

SLABS = [None, 1, 2, 3]


def shell(side=5):
    """(9, 9, 9): the surface of a cube, one voxel thick, around a hole of (side - 2)³."""
    mask = np.zeros((9, 9, 9), dtype=np.uint8)
    mask[2 : 2 + side, 2 : 2 + side, 2 : 2 + side] = 1
    mask[3 : 1 + side, 3 : 1 + side, 3 : 1 + side] = 0
    return mask


@pytest.mark.parametrize("planes", SLABS)
@pytest.mark.parametrize("neighbours", [FACES, TOUCHING], ids=["faces", "touching"])
def test_pieces_are_those_of_scipy_however_the_volume_is_cut(planes, neighbours):
    mask = np.random.default_rng(3).random((11, 9, 8)) < (0.3 if neighbours is FACES else 0.1)
    labels, number = ndimage.label(mask, neighbours)
    pieces = Pieces(lambda first, last: mask[first:last], mask.shape, neighbours, planes)
    assert sorted(pieces.sizes[1:]) == sorted(np.bincount(labels.ravel())[1:])
    assert len(pieces.sizes) == number + 1
    for chosen in range(1, number + 1):
        inside = np.concatenate([part for _, part in pieces.where(np.arange(number + 1) == chosen)])
        assert len(np.unique(labels[inside])) == 1
        assert inside.sum() == pieces.sizes[chosen]


@pytest.mark.parametrize("planes", SLABS)
def test_pieces_below_a_size_are_dropped(planes):
    mask = np.zeros((8, 6, 6), dtype=np.uint8)
    mask[0:6, 0, 0] = 1  # 6 voxels, across slabs
    mask[1, 3, 3], mask[2, 4, 4] = 1, 2  # two that share a corner, of different classes
    mask[7, 5, 5] = 1
    assert drop_small(mask, 2, planes) == 1
    assert np.count_nonzero(mask) == 8
    assert drop_small(mask, 3, planes) == 1
    assert np.count_nonzero(mask) == 6
    assert drop_small(mask, 7, planes) == 1
    assert not mask.any()


@pytest.mark.parametrize("planes", SLABS)
def test_enclosed_holes_are_filled_up_to_a_size(planes):
    mask = shell()
    assert fill_holes(mask, 26, planes=planes) == 0
    assert fill_holes(mask, 27, lambda at: np.full_like(mask[at], 2), planes) == 1
    assert (mask[3:6, 3:6, 3:6] == 2).all()
    assert np.count_nonzero(mask) == 125


def test_a_lumen_that_reaches_the_border_is_no_hole():
    tube = np.zeros((9, 7, 7), dtype=np.uint8)
    tube[:, 2:5, 2:5] = 1
    tube[:, 3, 3] = 0
    assert fill_holes(tube, 1000) == 0
    tube[0, 3, 3] = tube[-1, 3, 3] = 1  # closed at both ends
    assert fill_holes(tube, 1000) == 1


def test_a_hole_ends_where_vessels_touch_by_their_corners():
    mask = np.ones((5, 5, 5), dtype=np.uint8)
    mask[1, 1, 1] = mask[2, 2, 2] = 0
    assert fill_holes(mask, 1) == 2


@pytest.mark.parametrize("planes", SLABS)
def test_hysteresis_is_that_of_scikit_image(planes):
    from skimage.filters import apply_hysteresis_threshold

    image = ndimage.gaussian_filter(np.random.default_rng(0).random((12, 10, 9)), 1)
    low, high = np.quantile(image, (0.7, 0.9))
    found = (image > low).astype(np.uint8)
    keep_those_with(found, lambda at: image[at] > high, planes)
    # scikit-image joins by faces alone, so what it has is all in what touches
    expected = ndimage.label(image > low, TOUCHING)[0]
    expected = np.isin(expected, np.setdiff1d(expected[image > high], 0))
    assert np.array_equal(found > 0, expected)
    assert not (apply_hysteresis_threshold(image, low, high) & (found == 0)).any()


def test_nothing_and_everything():
    empty, full = np.zeros((3, 4, 5), dtype=np.uint8), np.ones((3, 4, 5), dtype=np.uint8)
    assert (drop_small(empty, 9), fill_holes(empty, 9), drop_small(full, 9), fill_holes(full, 9)) == (0, 0, 0, 0)
    assert full.all()
