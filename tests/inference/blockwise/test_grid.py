"""Which windows belong to which block, on MONAI's own grid, and what they weigh."""

import itertools

import pytest
import torch
from monai.data.utils import dense_patch_slices

from scripts.core import UserError, slices
from scripts.inference import GridInferer
from scripts.inference.blockwise.grid import BlockGrid, WindowGrid


def grids(shape, side, roi=(32, 32, 32), overlap=0.5, **how):
    blocks = BlockGrid(shape, side)
    padded = tuple(size + -size % 32 for size in shape)
    return blocks, WindowGrid(blocks, padded, roi, overlap, **how)


def test_blocks_cover_a_volume_once():
    blocks = BlockGrid((70, 33, 20), (32, 32, 32))
    assert blocks.counts == (3, 2, 1)
    seen = torch.zeros(blocks.shape)
    for index in blocks.indices:
        seen[slices(blocks.box(index))] += 1
    assert (seen == 1).all()


def test_the_longest_axis_is_the_slowest():
    assert BlockGrid((32, 96, 64), (32, 32, 32)).indices == [(0, y, z) for y in range(3) for z in range(2)]


def test_neighbours_before_and_after():
    blocks = BlockGrid((96, 64, 32), (32, 32, 32))
    assert blocks.before((0, 1, 0)) == [(0, 0, 0), (0, 1, 0)]
    assert blocks.after((2, 0, 0)) == [(2, 0, 0), (2, 1, 0)]
    for index in blocks.indices:
        assert all(index in blocks.after(other) for other in blocks.before(index))


@pytest.mark.parametrize("overlap", [0, 0.25, 0.3, 0.5, 0.75])
@pytest.mark.parametrize("shape", [(70, 96, 33), (32, 32, 15), (129, 40, 65)])
def test_every_window_of_monai_belongs_to_one_block(shape, overlap):
    blocks, windows = grids(shape, (48, 32, 64), overlap=overlap)
    roi = windows.window
    step = [
        size if size == side else max(1, int(side * (1 - overlap)))
        for side, size in zip(roi, windows.padded, strict=True)
    ]
    monai = [tuple(each.start for each in window) for window in dense_patch_slices(windows.padded, roi, step)]
    owned = [corner for index in blocks.indices for corner in itertools.product(*windows.owned(index))]
    assert sorted(owned) == sorted(monai)
    assert sum(map(windows.work, blocks.indices)) == GridInferer((32, 32, 32), overlap=overlap).work(windows.padded)


@pytest.mark.parametrize("overlap", [0.25, 0.5])
def test_the_windows_of_a_block_are_those_that_monai_lays_over_their_span(overlap):
    _, windows = grids((100, 70, 40), (40, 64, 64), overlap=overlap)
    for index in windows.blocks.indices:
        span = windows.span(index)
        if span is None:
            assert not all(windows.owned(index))
            continue
        seen = []

        def network(x, seen=seen):
            seen.append(tuple(x[0, :, 0, 0, 0].int().tolist()))
            return x[:, :2]

        axes = torch.meshgrid(*(torch.arange(start, stop) for start, stop in span), indexing="ij")
        GridInferer((32, 32, 32), overlap=overlap, sw_batch_size=1)(torch.stack(axes)[None].float(), network)
        assert sorted(seen) == sorted(itertools.product(*windows.owned(index)))


def test_weights_are_those_that_monai_divides_by():
    blocks, windows = grids((70, 40, 33), (48, 40, 33))
    counts = []

    def network(x):
        return torch.ones_like(x)

    inferer = GridInferer((32, 32, 32), overlap=0.5, mode="constant")
    inferer(torch.zeros(1, 1, *windows.padded), network)
    whole = tuple((0, size) for size in windows.padded)
    box = ((20, 61), (3, 40), (30, 33))
    torch.testing.assert_close(windows.weights(box), windows.weights(whole)[slices(box)])
    assert windows.weights(whole).min() > 0
    plain = WindowGrid(blocks, windows.padded, (32, 32, 32), 0.5, mode="constant").weights(whole)
    assert plain[0, 0, 0] == 1
    assert plain[40, 20, 40] == 8
    assert not counts


def test_blocks_smaller_than_a_window_are_refused():
    with pytest.raises(UserError, match="smaller than the window"):
        grids((70, 40, 40), (16, 40, 40))
    grids((70, 40, 20), (32, 40, 20))  # one block along an axis may be
