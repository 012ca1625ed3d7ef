"""Boxes that cover a volume once, of whole chunks wherever these are small enough."""

from math import prod

import numpy as np
import pytest

from scripts.core import block_sides, blocks, common, grown, inside_of, overlap, slices


@pytest.mark.parametrize("most", [0, 1, 7, 60, 500, 10**6])
@pytest.mark.parametrize("chunks", [(1, 1, 1), (4, 3, 2), (11, 1, 5), (64, 64, 64)], ids=str)
@pytest.mark.parametrize("shape", [(11, 9, 5), (1, 1, 30), (2, 40, 3)], ids=str)
def test_every_voxel_lies_in_one_box_of_bounded_size(shape, chunks, most):
    covered = np.zeros(shape, int)
    for box in blocks(shape, block_sides(shape, chunks, most)):
        assert 0 < covered[slices(box)].size <= max(1, most)
        covered[slices(box)] += 1
    assert (covered == 1).all()


def test_boxes_are_of_whole_chunks():
    sides = block_sides((100, 90, 50), (16, 16, 16), 50_000)
    assert sides == (32, 32, 32)
    assert block_sides((100, 90, 50), (100, 90, 1), 40_000) == (100, 90, 4)
    assert block_sides((100, 90, 50), (100, 90, 50), 10**6) == (100, 90, 50)


def test_a_chunk_too_large_is_cut():
    sides = block_sides((100, 90, 50), (100, 90, 50), 60_000)
    assert prod(sides) <= 60_000 <= 8 * prod(sides)


def test_a_box_with_a_margin_and_what_lies_in_it():
    box = ((2, 4), (0, 3), (5, 6))
    assert grown(box, (3, 1, 0), (6, 4, 6)) == ((0, 6), (0, 4), (5, 6))
    assert inside_of(box, ((1, 9), (0, 9), (4, 9))) == (slice(1, 3), slice(0, 3), slice(1, 2))


def test_what_two_boxes_share():
    box = ((2, 4), (0, 3), (5, 6))
    assert common(box, ((3, 9), (1, 2), (0, 9))) == ((3, 4), (1, 2), (5, 6))
    assert overlap(box, ((3, 9), (1, 2), (0, 9)))
    assert not overlap(box, ((4, 9), (1, 2), (0, 9)))  # side by side
