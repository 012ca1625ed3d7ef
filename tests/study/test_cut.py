"""Blocks and what is left to be scored; sides and voxels counted by hand."""

import numpy as np
import pytest

from scripts.study.cut import cut_of
from tests.study.examples import striped

FINE = np.eye(4)


def sides_of(box):
    return tuple(stop - start for start, stop in box)


def test_the_first_block_that_leaves_enough_is_taken_with_those_inside_it():
    """Of 32 × 32 × 8 voxels in a plane, 32 is all of it and 24 more than half, so 20 and 10 are cut."""
    label = striped((32, 32, 8))
    cut = cut_of(label, FINE, [(32, 16), (24, 12), (20, 10)], (4, 4, 4))
    assert {side: sides_of(box) for side, box in cut.blocks.items()} == {20: (20, 20, 8), 10: (10, 10, 8)}
    assert all(a <= c and d <= b for (a, b), (c, d) in zip(cut.blocks[20], cut.blocks[10], strict=True))
    assert cut.margin == 4
    (x, y, _) = cut.blocks[20]
    assert cut.scored.box == (
        (max(0, x[0] - 4), min(32, x[1] + 4)),
        (max(0, y[0] - 4), min(32, y[1] + 4)),
        (0, 8),
    )
    assert not cut.scored.inside


@pytest.mark.parametrize(("length", "margin"), [(40, 16), (30, 16), (26, 8), (20, 8), (17, 0)])
def test_the_margin_becomes_smaller_where_there_is_no_room(length, margin):
    """A block of 8 in a corner of a row: what is scored is the rest but the margin, a tenth of the row or more."""
    cut = cut_of(striped((length, 4, 4)), FINE, [(8,)], (16, 16, 16))
    assert cut.margin == margin


def test_the_largest_block_with_some_margin_comes_before_a_smaller_one_with_more():
    label = striped((48, 4, 4))
    assert list(cut_of(label, FINE, [(24,), (8,)], (16, 16, 16)).blocks) == [24]


@pytest.mark.parametrize("value", [0, 1, -1])
def test_a_volume_without_both_has_no_block(value):
    assert cut_of(np.full((40, 4, 4), value, np.int8), FINE, [(8,)], (4, 4, 4)) is None


def test_what_is_scored_has_both():
    label = np.zeros((40, 4, 4), np.int8)
    label[:1, 0] = 1
    assert cut_of(label, FINE, [(8,)], (4, 4, 4)) is None
