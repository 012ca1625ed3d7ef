import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, compute_importance_map, decollate_batch
from torch import nn
from torch.nn import functional as F

from scripts.inference import GridInferer, PatchInferer, reach_of_windows
from scripts.inference.sliding_window import for_many_windows
from scripts.network import TubeNet


class Recorder:
    """A network of two classes that keeps what it is shown."""

    def __init__(self):
        self.windows = []

    def __call__(self, x):
        self.windows += list(x.clone())
        return torch.cat((x[:, :1], -x[:, :1]), dim=1)

    @property
    def shapes(self):
        return [tuple(window.shape[1:]) for window in self.windows]


def positions(*shape):
    """(1, 3, X, Y, Z): each voxel holds its own indices."""
    return torch.stack(torch.meshgrid(*map(torch.arange, shape), indexing="ij"))[None].float()


@pytest.mark.parametrize("sw_batch_size", [1, 3])
def test_a_thin_stack_is_not_padded_to_a_whole_window(sw_batch_size):
    network = Recorder()
    logits = GridInferer((64, 64, 64), sw_batch_size=sw_batch_size)(positions(70, 64, 15), network)
    assert network.shapes == [(64, 64, 32)] * 2
    assert logits.shape == (1, 2, 70, 64, 15)


def test_windows_lie_on_one_grid_and_padding_repeats_the_far_edge():
    network = Recorder()
    GridInferer((32, 32, 32), overlap=0.5)(positions(70, 33, 15), network)
    assert network.shapes == [(32, 32, 32)] * 15
    corners = [tuple(window[:, 0, 0, 0].tolist()) for window in network.windows]
    # the last voxel stands for all that is beyond: 64 and not 70, where the last window begins
    assert corners == [(x, y, 0) for x in (0, 16, 32, 48, 64) for y in (0, 16, 32)]
    for (x, y, z), window in zip(corners, network.windows, strict=True):
        expected = positions(32, 32, 32)[0] + torch.tensor([x, y, z])[:, None, None, None]
        last = torch.tensor([69, 32, 14])[:, None, None, None]
        assert torch.equal(window, torch.minimum(expected, last))


@pytest.mark.parametrize(("overlap", "starts"), [(0, [0, 32, 64]), (0.25, [0, 24, 48, 64]), (0.75, [*range(0, 65, 8)])])
def test_overlap_sets_the_step(overlap, starts):
    network = Recorder()
    GridInferer((32, 32, 32), overlap=overlap)(positions(96, 32, 32), network)
    assert [int(window[0, 0, 0, 0]) for window in network.windows] == starts


@pytest.mark.parametrize("mode", ["constant", "gaussian"])
def test_logits_are_averaged_and_softmax_comes_after(mode):
    """Of two windows, one is sure of vessel (log-odds 8) and one is mildly against (-2)."""
    log_odds = iter((8.0, -2.0))

    def network(x):
        return torch.cat((torch.zeros_like(x), torch.full_like(x, next(log_odds))), dim=1)

    logits = GridInferer((32, 32, 32), overlap=0.5, divisor=16, mode=mode)(torch.zeros(1, 1, 48, 32, 32), network)
    weight = compute_importance_map((32, 32, 32), mode=mode, sigma_scale=0.125)
    first, second = (F.pad(weight, (0, 0, 0, 0, *ends)) for ends in ((0, 16), (16, 0)))
    expected = (8 * first - 2 * second) / (first + second)
    torch.testing.assert_close(logits[0, 1], expected)
    if mode == "constant":
        assert logits[0, 1, ::16, 0, 0].tolist() == pytest.approx([8, 3, -2])


@torch.no_grad()
def test_one_window_is_the_plain_network():
    torch.manual_seed(0)
    network, inferer = TubeNet(channels=(4, 4, 8)).eval(), GridInferer((16, 16, 16), divisor=4, mode="gaussian")
    whole = torch.rand(2, 1, 16, 16, 16)
    torch.testing.assert_close(inferer(whole, network), network(whole))
    small = whole[..., :5, :8, :15]
    padded = F.pad(small, (0, 1, 0, 0, 0, 3), mode="replicate")  # to 8 x 8 x 16
    torch.testing.assert_close(inferer(small, network), network(padded)[..., :5, :8, :15])


def test_the_layout_of_the_weights_changes_nothing():
    """MONAI Label makes the network as `network_def` says, without the layout that the configs give it afterwards."""
    torch.manual_seed(0)
    plain = TubeNet(channels=(8, 16, 16)).eval()
    last = copy.deepcopy(plain).to(memory_format=torch.channels_last_3d)
    x = torch.rand(1, 1, 48, 40, 32)
    with torch.no_grad():
        one, two = (GridInferer((32, 32, 32))(x, network) for network in (plain, last))
    assert torch.equal(one, two)
    weights = plain.encoder[1].conv.layers[0].weight
    assert weights.is_contiguous(memory_format=torch.channels_last_3d)


def test_affine_and_metadata_stay():
    affine = torch.diag(torch.tensor([0.5, 0.25, 2, 1], dtype=torch.float64))
    affine[:3, 3] = torch.tensor([7, 8, 9])
    image = MetaTensor(torch.rand(1, 40, 33, 15), affine=affine, meta={"filename_or_obj": "a.tif"})
    (batch,) = DataLoader(Dataset([{"image": image}]), batch_size=1)
    logits = GridInferer((32, 32, 32), sw_batch_size=4)(batch["image"], Recorder())
    (one,) = decollate_batch(logits)
    assert one.shape == (2, 40, 33, 15)
    assert torch.equal(one.affine, affine)
    assert one.meta["filename_or_obj"] == "a.tif"
    torch.testing.assert_close(one[0].as_tensor(), image[0].as_tensor())


@pytest.mark.parametrize("inferer", [PatchInferer, lambda amp: GridInferer((32, 32, 32), amp=amp)])
@pytest.mark.parametrize("amp", [True, False])
def test_amp_computes_in_bfloat16_and_returns_float32(inferer, amp):
    conv, inside = nn.Conv3d(1, 2, 1), []
    conv.register_forward_hook(lambda _, __, output: inside.append(output.dtype))
    y = inferer(amp=amp)(torch.rand(1, 1, 32, 32, 32), conv)
    assert inside == [torch.bfloat16 if amp else torch.float32]
    assert y.dtype == torch.float32
    assert y.requires_grad


@pytest.mark.parametrize(("overlap", "windows"), [(0, 1), (0.25, 2), (0.5, 3), (0.75, 7)])
def test_the_reach_of_windows_is_where_those_begin_that_touch_a_block(overlap, windows):
    """Of a block of one window's size in a volume, no window around it misses it, and no voxel of it lacks one."""
    network, reach = Recorder(), reach_of_windows((32, 32, 32), overlap)
    assert len({*reach}) == 1
    begin, end = 96 - reach[0], 128 + reach[0]
    block = positions(224, 32, 32)[:, :, begin:end]
    GridInferer((32, 32, 32), overlap=overlap, divisor=8)(block, network)
    starts = [int(window[0, 0, 0, 0]) for window in network.windows]
    assert len(starts) == windows
    assert all(start + 32 > 96 and start < 128 for start in starts)
    assert (min(starts), max(starts)) == (96 - reach[0], 96 + reach[0])


def test_weights_rounded_once_are_those_that_autocasting_rounds():
    torch.manual_seed(0)
    network, x = TubeNet(channels=[4, 8, 8]).eval(), torch.rand(2, 1, 8, 8, 8)
    kept = copy.deepcopy(network.state_dict())
    fast = for_many_windows(network, amp=True)
    with torch.inference_mode():
        assert torch.equal(fast(x), PatchInferer(amp=True)(x, network))
        assert torch.equal(for_many_windows(network, amp=False)(x), network(x))
        scripted = torch.jit.script(network)
        assert for_many_windows(scripted, amp=True)(x).dtype == torch.float32
    assert all(torch.equal(weights, kept[name]) for name, weights in network.state_dict().items())


def test_several_threads_may_run_one_network():
    """As in MONAI Label: its weights are as they were, and it still computes in float32."""
    torch.manual_seed(0)
    network, x = TubeNet(channels=[4, 8, 8]).eval(), torch.rand(1, 1, 16, 16, 16)
    kept = copy.deepcopy(network.state_dict())
    inferer = GridInferer((8, 8, 8), divisor=4, amp=True)
    expected = inferer(x, network)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: GridInferer((8, 8, 8), divisor=4, amp=True)(x, network), range(12)))
    assert all(torch.equal(one, expected) for one in found)
    assert all(torch.equal(weights, kept[name]) for name, weights in network.state_dict().items())
    assert all(weights.dtype == torch.float32 and weights.requires_grad for weights in network.parameters())


def test_the_window_comes_back_after_a_thin_volume_and_after_a_failure():
    network, inferer = Recorder(), GridInferer((64, 64, 64))

    def broken(_):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        inferer(positions(64, 64, 15), broken)
    inferer(positions(64, 64, 15), network)
    inferer(positions(64, 64, 64), network)
    assert network.shapes == [(64, 64, 32), (64, 64, 64)]


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
        ({"roi_size": (32, 32, 32), "overlap": -0.1}, "--overlap -0.1: is not at least 0 and below 1"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        GridInferer(**arguments)
