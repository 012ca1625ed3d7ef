"""What the network computes in, what comes out, and that nobody else's weights change."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from monai.inferers import SimpleInferer
from torch import nn

from scripts.inference import Bfloat16Inferer, GridInferer, autocast, with_rounded_weights
from scripts.network import TubeNet


@pytest.fixture
def network():
    torch.manual_seed(0)
    return TubeNet(channels=[4, 8, 8]).eval()


@pytest.mark.parametrize("inferer", [SimpleInferer(), GridInferer((32, 32, 32))], ids=["patch", "windows"])
@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("round_weights", [True, False])
def test_the_network_computes_in_bfloat16_and_float32_comes_out(inferer, enabled, round_weights):
    conv, inside = nn.Conv3d(1, 2, 1), []
    conv.register_forward_hook(lambda _, __, output: inside.append(output.dtype))
    y = Bfloat16Inferer(enabled, inferer, round_weights)(torch.rand(1, 1, 32, 32, 32), conv)
    assert inside == [torch.bfloat16 if enabled else torch.float32]
    assert y.dtype == torch.float32
    assert y.requires_grad


def test_not_enabled_is_float32_within_autocasting_too():
    conv, x = nn.Conv3d(1, 2, 1), torch.rand(1, 1, 8, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        y = Bfloat16Inferer(False, SimpleInferer())(x, conv)
    assert torch.equal(y, conv(x))


def test_training_reaches_the_weights_themselves():
    conv = nn.Conv3d(1, 2, 1)
    Bfloat16Inferer(True, SimpleInferer())(torch.ones(1, 1, 4, 4, 4), conv).sum().backward()
    assert conv.weight.grad.dtype == torch.float32
    assert conv.weight.grad.flatten().tolist() == [64, 64]


def test_weights_rounded_once_are_those_that_autocasting_rounds(network):
    x, kept = torch.rand(2, 1, 8, 8, 8), copy.deepcopy(network.state_dict())
    rounded = with_rounded_weights(network)
    with torch.inference_mode():
        assert torch.equal(autocast(rounded, True)(x), autocast(network, True)(x))
        one, two = (Bfloat16Inferer(True, SimpleInferer(), rounds)(x, network) for rounds in (True, False))
        assert torch.equal(one, two)
        assert torch.equal(Bfloat16Inferer(False, SimpleInferer(), True)(x, network), network(x))
    assert {weight.dtype for weight in rounded.parameters()} == {torch.bfloat16, torch.float32}
    assert all(torch.equal(weights, kept[name]) for name, weights in network.state_dict().items())


def test_what_cannot_be_copied_is_autocast(network):
    scripted, function = torch.jit.script(network), lambda x: 2 * x
    assert with_rounded_weights(scripted) is scripted
    assert with_rounded_weights(function) is function
    with torch.inference_mode():
        assert Bfloat16Inferer(True, SimpleInferer(), True)(torch.rand(1, 1, 8, 8, 8), scripted).dtype == torch.float32


def test_several_threads_may_run_one_network(network):
    """As in MONAI Label: its weights are as they were, and it still computes in float32."""
    x, kept = torch.rand(1, 1, 16, 16, 16), copy.deepcopy(network.state_dict())
    inferer = Bfloat16Inferer(True, GridInferer((8, 8, 8), divisor=4), round_weights=True)
    expected = inferer(x, network)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: inferer(x, network), range(12)))
    assert all(torch.equal(one, expected) for one in found)
    assert all(torch.equal(weights, kept[name]) for name, weights in network.state_dict().items())
    assert all(weights.dtype == torch.float32 and weights.requires_grad for weights in network.parameters())


def test_weights_that_were_rounded_before_are_not_copied_again():
    once = with_rounded_weights(nn.Sequential(nn.Conv3d(1, 2, 3), nn.InstanceNorm3d(2)))
    assert with_rounded_weights(once) is once
