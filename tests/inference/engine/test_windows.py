"""Windows are from all over a volume and of every contrast, and there are as many as were asked for."""

import tracemalloc

import pytest
import torch

from scripts.core import slices
from scripts.inference.engine.windows import spread_windows


def reader(volume):
    return lambda box: volume[(slice(None), *slices(box))]


def test_from_the_emptiest_to_the_one_with_most_contrast():
    volume = torch.zeros(1, 64, 8, 8)
    for at in range(8):  # window `at` alternates between 0 and `at`
        volume[0, 8 * at : 8 * at + 8 : 2] = at
    found = spread_windows((64, 8, 8), reader(volume), (8, 8, 8), 3)
    assert found.shape == (3, 1, 8, 8, 8)
    assert found.amax((1, 2, 3, 4)).tolist() == [0, 4, 7]


@pytest.mark.parametrize("count", [1, 4, 20])
def test_a_small_volume_gives_windows_that_overlap(count):
    volume = torch.rand(2, 20, 12, 8)
    found = spread_windows((20, 12, 8), reader(volume), (8, 8, 8), count)
    assert found.shape == (count, 2, 8, 8, 8)
    assert len({each.numpy().tobytes() for each in found}) == count


def test_a_volume_of_one_window_gives_that():
    volume = torch.rand(1, 8, 8, 8)
    assert torch.equal(spread_windows((8, 8, 8), reader(volume), (8, 8, 8), 4), volume[None])


def test_few_boxes_of_a_large_volume_are_read():
    read = []
    spread_windows((4096, 4096, 512), lambda box: read.append(box) or torch.zeros(1, 64, 64, 64), (64, 64, 64), 8)
    assert len(read) == 32 + 8  # those that are taken are read again
    assert read[0] == ((0, 64),) * 3
    assert read[31] == ((4032, 4096), (4032, 4096), (448, 512))


def test_the_far_end_is_looked_at_too():
    read = []
    spread_windows((191, 64, 64), lambda box: read.append(box) or torch.zeros(1, 64, 64, 64), (64, 64, 64), 2)
    assert ((127, 191), (0, 64), (0, 64)) in read


def test_no_list_of_all_windows_is_made():
    tracemalloc.start()
    spread_windows((10**5,) * 3, lambda box: torch.zeros(1, 8, 8, 8), (8, 8, 8), 8)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
