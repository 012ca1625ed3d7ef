"""Where a block lies: by counting on grids that one can read."""

import numpy as np
import pytest

from scripts.study import has_both, labelled_box, share_of, typical_box, with_margin

FLAT = (1, 1)


def row(*values):
    """A label of one row of voxels along X."""
    return np.array(values, dtype=np.int8).reshape(-1, 1, 1)


def test_labelled_voxels_alone_count():
    label = row(-1, 1, 0, 0, 0, -1)
    assert share_of(label) == 0.25
    assert labelled_box(label) == ((1, 5), (0, 1), (0, 1))
    assert np.isnan(share_of(row(-1, -1)))


def test_vessel_and_background_are_both_there_or_not():
    assert has_both(row(-1, 1, 0))
    assert not has_both(row(-1, 1, 1))
    assert not has_both(row(-1, 0))
    assert not has_both(row())


def test_the_block_has_the_share_of_vessel_that_is_most_like_the_whole():
    """A third is vessel: of pairs and threes, one of three voxels has just that."""
    label = row(1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0)
    assert share_of(label) == 1 / 3
    assert typical_box(label, (3, 1, 1)) == ((2, 5), (0, 1), (0, 1))
    assert typical_box(label, (3, 1, 1), within=((5, 12), (0, 1), (0, 1))) == ((6, 9), (0, 1), (0, 1))


def test_what_is_not_labelled_is_in_no_block():
    label = row(1, 0, -1, 1, 0, 0, 0)
    assert typical_box(label, (2, 1, 1)) == ((0, 2), (0, 1), (0, 1))
    assert typical_box(label, (4, 1, 1)) == ((3, 7), (0, 1), (0, 1))
    assert typical_box(label, (5, 1, 1)) is None
    assert typical_box(row(1, -1, 0), (2, 1, 1)) is None


@pytest.mark.parametrize("values", [(0, 0, 0, 0), (1, 1, 1, 1)], ids=["no vessel", "nothing else"])
def test_a_block_holds_both(values):
    assert typical_box(row(*values), (2, 1, 1)) is None


def test_of_a_short_axis_all_is_taken():
    label = np.zeros((8, 6, 3), dtype=np.int8)
    label[4, 2] = 1
    (x, y, z) = typical_box(label, (4, 4, 4))
    assert (x[1] - x[0], y[1] - y[0], z) == (4, 4, (0, 3))
    assert x[0] <= 4 < x[1]
    assert y[0] <= 2 < y[1]


def test_boxes_are_counted_as_one_would():
    """Against every place tried one by one, on random voxels."""
    label = (np.random.default_rng(3).random((20, 17, 6)) < 0.2).astype(np.int8)
    box = typical_box(label, (8, 8, 5))
    every = {
        (x, y, z): abs(label[x : x + 8, y : y + 8, z : z + 5].mean() - label.mean())
        for x in (0, 2, 4, 6, 8, 10, 12)
        for y in (0, 2, 4, 6, 8, 9)
        for z in (0, 1)
    }
    assert tuple(start for start, _ in box) == min(every, key=every.get)


def test_a_margin_is_as_far_in_length_along_every_axis():
    """Slices of 5 µm, 4 voxels of 1 µm: one slice; at the border there is less."""
    affine = np.diag([1e-3, 1e-3, 5e-3, 1])
    box = with_margin(((10, 20), (2, 30), (5, 8)), 4, affine, (40, 32, 15))
    assert box == ((6, 24), (0, 32), (4, 9))
    assert with_margin(((10, 20), (2, 30), (5, 8)), 0, affine, (40, 32, 15)) == ((10, 20), (2, 30), (5, 8))
