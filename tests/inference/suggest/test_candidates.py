from itertools import islice

from scripts.core import overlap
from scripts.inference import candidate_boxes, tiles


def test_boxes_of_a_grid_in_the_middle_of_the_volume():
    assert sorted(candidate_boxes((10, 4, 5), (4, 4, 8))) == [((1, 5), (0, 4), (0, 5)), ((5, 9), (0, 4), (0, 5))]


def test_none_shares_a_voxel_with_what_is_taken():
    taken = ((7, 9), (0, 4), (0, 5))
    free = list(candidate_boxes((32, 32, 5), (8, 8, 5), [taken]))
    assert len(free) == 16 - 2
    assert not any(overlap(box, taken) for box in free)


def test_the_order_is_by_chance_and_the_same_for_a_seed():
    orders = [list(candidate_boxes((64, 64, 64), (8, 8, 8), seed=seed)) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])
    assert orders[0] != sorted(orders[0])


def test_tiles_of_a_part_of_a_volume():
    assert sorted(tiles(((10, 19), (3, 7), (0, 5)), (4, 4, 8))) == [
        ((10, 14), (3, 7), (0, 5)),
        ((14, 18), (3, 7), (0, 5)),
    ]


def test_boxes_of_a_volume_of_many_are_not_listed():
    """A volume of terabytes has two million; the first come at once, from anywhere in it."""
    boxes = candidate_boxes((32768, 32768, 4096), (128, 128, 128))
    assert iter(boxes) is boxes
    assert len({box[0] for box in islice(boxes, 50)}) > 30
