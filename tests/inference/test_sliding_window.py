"""Where windows lie, what they hold, how they are averaged, and what is refused."""

import pytest
import torch
from monai.data import compute_importance_map
from monai.inferers import SlidingWindowInferer
from torch.nn import functional as F

from scripts.inference import GridInferer, reach_of_windows
from tests.helpers.inferer_examples import Recorder, as_logits, positions


def test_windows_lie_on_one_grid():
    network = Recorder()
    GridInferer((32, 32, 32), overlap=0.5)(positions(96, 64, 32), network)
    assert network.shapes == [(32, 32, 32)] * 15
    corners = [tuple(window[:, 0, 0, 0].tolist()) for window in network.windows]
    assert corners == [(x, y, 0) for x in (0, 16, 32, 48, 64) for y in (0, 16, 32)]
    for corner, window in zip(corners, network.windows, strict=True):
        assert torch.equal(window, positions(32, 32, 32)[0] + torch.tensor(corner)[:, None, None, None])


@pytest.mark.parametrize(("overlap", "starts"), [(0, [0, 32, 64]), (0.25, [0, 24, 48, 64]), (0.75, [*range(0, 65, 8)])])
def test_overlap_sets_the_step(overlap, starts):
    network = Recorder()
    GridInferer((32, 32, 32), overlap=overlap)(positions(96, 32, 32), network)
    assert network.starts == starts


@pytest.mark.parametrize("mode", ["constant", "gaussian"])
def test_logits_are_averaged_and_softmax_comes_after(mode):
    """Of two windows, one is sure of vessel (log-odds 8) and one is mildly against (-2)."""
    log_odds = iter((8.0, -2.0))

    def network(x):
        return torch.cat((torch.zeros_like(x), torch.full_like(x, next(log_odds))), dim=1)

    logits = GridInferer((32, 32, 32), overlap=0.5, mode=mode)(torch.rand(1, 1, 48, 32, 32), network)
    weight = compute_importance_map((32, 32, 32), mode=mode, sigma_scale=0.125)
    first, second = (F.pad(weight, (0, 0, 0, 0, *ends)) for ends in ((0, 16), (16, 0)))
    expected = (8 * first - 2 * second) / (first + second)
    torch.testing.assert_close(logits[0, 1], expected)
    if mode == "constant":
        assert logits[0, 1, ::16, 0, 0].tolist() == pytest.approx([8, 3, -2])


@pytest.mark.parametrize("sw_batch_size", [1, 3])
def test_windows_shrink_to_a_thin_volume(sw_batch_size):
    network = Recorder()
    logits = GridInferer((64, 64, 64), sw_batch_size=sw_batch_size)(positions(96, 64, 32), network)
    assert network.shapes == [(64, 64, 32)] * 2
    assert logits.shape == (1, 2, 96, 64, 32)


@pytest.mark.parametrize("cached", [False, True])
def test_the_window_comes_back_after_a_thin_volume_and_after_a_failure(cached):
    network = Recorder()
    inferer = GridInferer((64, 64, 64), mode="gaussian", cache_roi_weight_map=cached)

    def broken(_):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        inferer(positions(64, 64, 32), broken)
    for depth in (32, 64):
        logits = inferer(positions(64, 64, depth), network)
        torch.testing.assert_close(logits, network.network(positions(64, 64, depth)[:, :1]))
    assert network.shapes == [(64, 64, 32), (64, 64, 64)]


@pytest.mark.parametrize(("overlap", "windows"), [(0, 1), (0.25, 2), (0.5, 3), (0.75, 7)])
def test_with_the_reach_of_windows_around_it_a_block_lacks_none(overlap, windows):
    """A block of one window's size: no window misses it, and no voxel of it lacks one."""
    network, reach = Recorder(), reach_of_windows((32, 32, 32), overlap)
    assert len({*reach}) == 1
    begin, end = 96 - reach[0], 128 + reach[0]
    block = positions(224, 32, 32)[:, :, begin:end]
    GridInferer((32, 32, 32), overlap=overlap, divisor=8)(block, network)
    assert len(network.starts) == windows
    assert all(start + 32 > 96 and start < 128 for start in network.starts)
    assert (min(network.starts), max(network.starts)) == (96 - reach[0], 96 + reach[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"roi_size": (64, 48, 64)},
            r"--patch_size \[64, 48, 64\]: not all are multiples of 32, which",
        ),
        ({"roi_size": (16, 32, 32)}, "not all are multiples of 32"),
        ({"roi_size": (0, 32, 32)}, "not all are multiples of 32"),
        ({"roi_size": (12, 8, 8), "divisor": 8}, "not all are multiples of 8"),
        ({"roi_size": (32, 32, 32), "overlap": 1.0}, "--overlap 1.0: is not at least 0 and below 1"),
        ({"roi_size": (32, 32, 32), "overlap": None}, "--overlap None: is not at least 0 and below 1"),
        ({"roi_size": (32, 32, 32), "overlap": "0.5"}, "--overlap 0.5: is not at least 0 and below 1"),
        ({"roi_size": (32, 32, 32), "overlap": -0.1}, "--overlap -0.1: is not at least 0 and below 1"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        GridInferer(**arguments)


def test_windows_that_are_constant_and_alike_are_seen_once():
    """Of 9 windows along a volume that is 0 in the middle and 1 at its end, three are the same as one before."""
    network = Recorder()
    image = torch.zeros(1, 1, 160, 32, 32)
    image[..., :20, :, :] = torch.rand(20, 32, 32)
    image[..., 120:, :, :] = 1
    inferer = GridInferer((32, 32, 32), overlap=0.5, sw_batch_size=2)
    found = inferer(image, network)
    constant = [window for window in network.windows if window.min() == window.max()]
    assert len(network.windows) == 9 - 3
    assert [float(window.max()) for window in constant] == [0.0, 1.0]

    class Every(GridInferer):
        """MONAI's own, which sees every window."""

        __call__ = SlidingWindowInferer.__call__

    torch.testing.assert_close(found, Every((32, 32, 32), overlap=0.5, sw_batch_size=2)(image, as_logits))
