"""Pieces of masks that one can count by hand, whole and cut into boxes, in memory and stored."""

import numpy as np
import pytest
from scipy import ndimage

from scripts.core import TOUCHING, slices
from scripts.transforms.components import drop_small, fill_holes, keep_those_with

SIDES = [None, (1, 9, 9), (2, 9, 9), (3, 3, 3), (9, 2, 5), (4, 9, 1), (1, 1, 1)]


class Stored:
    """Class indices that can be reached by their boxes alone, as those on disk; it may fail in the middle."""

    def __init__(self, array, chunks=(3, 2, 4), fails_after=None):
        self.array, self.shape, self.chunks, self.left = array, array.shape, chunks, fails_after

    def read(self, box):
        return self.array[slices(box)].copy()

    def write(self, box, part):
        if self.left == 0:
            raise InterruptedError
        self.left = None if self.left is None else self.left - 1
        self.array[slices(box)] = part


def shell(side=5):
    """(9, 9, 9): the surface of a cube, one voxel thick, around a hole of (side - 2)³."""
    mask = np.zeros((9, 9, 9), dtype=np.uint8)
    mask[2 : 2 + side, 2 : 2 + side, 2 : 2 + side] = 1
    mask[3 : 1 + side, 3 : 1 + side, 3 : 1 + side] = 0
    return mask


@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_pieces_below_a_size_are_dropped(sides):
    mask = np.zeros((8, 6, 6), dtype=np.uint8)
    mask[0:6, 0, 0] = 1  # 6 voxels, across slabs
    mask[1, 3, 3], mask[2, 4, 4] = 1, 2  # two that share a corner, of different classes
    mask[7, 5, 5] = 1
    assert drop_small(mask, 2, sides) == 1
    assert np.count_nonzero(mask) == 8
    assert drop_small(mask, 3, sides) == 1
    assert np.count_nonzero(mask) == 6
    assert drop_small(mask, 7, sides) == 1
    assert not mask.any()


@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_enclosed_holes_are_filled_up_to_a_size(sides):
    mask = shell()
    assert fill_holes(mask, 26, sides=sides) == 0
    assert fill_holes(mask, 27, lambda box: np.full_like(mask[slices(box)], 2), sides) == 1
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


@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_hysteresis_is_that_of_scikit_image(sides):
    from skimage.filters import apply_hysteresis_threshold

    image = ndimage.gaussian_filter(np.random.default_rng(0).random((12, 10, 9)), 1)
    low, high = np.quantile(image, (0.7, 0.9))
    found = (image > low).astype(np.uint8)
    keep_those_with(found, lambda box: image[slices(box)] > high, sides)
    # scikit-image joins by faces alone, so what it has is all in what touches
    expected = ndimage.label(image > low, TOUCHING)[0]
    expected = np.isin(expected, np.setdiff1d(expected[image > high], 0))
    assert np.array_equal(found > 0, expected)
    assert not (apply_hysteresis_threshold(image, low, high) & (found == 0)).any()


def test_nothing_and_everything():
    empty, full = np.zeros((3, 4, 5), dtype=np.uint8), np.ones((3, 4, 5), dtype=np.uint8)
    assert (drop_small(empty, 9), fill_holes(empty, 9), drop_small(full, 9), fill_holes(full, 9)) == (0, 0, 0, 0)
    assert full.all()


CLEANED = {
    "small": lambda classes, sides: drop_small(classes, 12, sides),
    "holes": lambda classes, sides: fill_holes(classes, 12, lambda box: CLASSES[slices(box)], sides),
    "uncertain": lambda classes, sides: keep_those_with(classes, lambda box: CERTAIN[slices(box)], sides),
}
BIG = (14, 11, 10)
CLASSES = np.random.default_rng(1).integers(1, 3, BIG).astype(np.uint8)
CERTAIN = np.random.default_rng(2).random(BIG) < 0.3


@pytest.mark.parametrize("sides", [None, (3, 2, 4), (5, 4, 3)], ids=str)
@pytest.mark.parametrize("what", CLEANED)
def test_what_is_stored_is_cleaned_as_in_memory_even_after_a_stop_half_way(what, sides):
    share = 0.75 if what == "holes" else 0.1
    given = (np.random.default_rng(4).random(BIG) < share) * CLASSES
    whole = given.copy()
    changed = CLEANED[what](whole, None)
    assert changed > 3
    assert (whole != given).any()
    assert (whole > 0).any()
    stored = Stored(given.copy())
    assert CLEANED[what](stored, sides) == changed
    assert np.array_equal(stored.array, whole)
    for after in range(0, 200, 9):
        stopped = Stored(given.copy(), fails_after=after)
        try:
            CLEANED[what](stopped, sides or (3, 2, 4))
        except InterruptedError:
            stopped.left = None
            CLEANED[what](stopped, sides or (3, 2, 4))
            assert np.array_equal(stopped.array, whole), after
        else:
            break
    assert after > 9
    assert CLEANED[what](stopped, sides) == 0  # and once more nothing changes


def test_boxes_without_what_is_chosen_are_not_written():
    mask = np.zeros((12, 12, 12), np.uint8)
    mask[0, 0, 0] = mask[8:, 8:, 8:] = 1
    stored = Stored(mask, fails_after=1)
    assert drop_small(stored, 5, (4, 4, 4)) == 1  # one write and no second
    assert mask.sum() == 64
