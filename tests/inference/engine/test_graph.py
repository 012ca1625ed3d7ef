"""OpenVINO's graph of a network finds what PyTorch's network finds, whatever its parts."""

import pytest
import torch
from torch import nn

from scripts.inference.engine.compiled import CompiledNetwork
from scripts.inference.engine.graph import GroupNormOfChannels, to_graph
from tests.inference.engine.examples import logits_of, network, windows

RELEASED = {"decoder_convolutions": 1, "decoder_dropout": 0.0, "pooled_skips": True, "shared_norm": True}
NETWORKS = {
    "narrow": {},
    "deep": {"channels": (4, 4, 8, 8, 8, 8)},
    "attention": {"attention": True},
    "four classes": {"classes": 4},
    "as released": {**RELEASED, "norm_eps": 1e-3, "bottleneck_norm": False, "channels": (4, 8, 8)},
}


def test_the_norm_is_pytorchs():
    torch.manual_seed(0)
    norm = nn.GroupNorm(3, 12, eps=1e-3)
    for weights in norm.parameters():
        nn.init.normal_(weights)
    x = 50 + torch.randn(2, 12, 5, 6, 7)
    torch.testing.assert_close(GroupNormOfChannels(norm)(x), norm(x), atol=1e-4, rtol=1e-4)


def test_a_mean_that_is_large_beside_the_spread_does_not_drown_it_in_bfloat16():
    norm = nn.GroupNorm(1, 4)
    x = 8 + 0.1 * torch.randn(1, 4, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    x = x.bfloat16()
    found = GroupNormOfChannels(norm).bfloat16()(x).float()
    assert (found - norm(x.float())).abs().mean() < 0.2  # of a spread of 1; x itself is rounded to steps of 0.3


@pytest.mark.parametrize("how", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("side", [(32, 32, 32), (64, 32, 32)], ids=str)
def test_logits_are_pytorchs(how, side):
    net, batch = network(**how), windows(2, side)
    before = {name: values.clone() for name, values in net.state_dict().items()}
    found = CompiledNetwork(to_graph(net), "fp32")(batch)
    expected = logits_of(net, batch)
    torch.testing.assert_close(found, expected, atol=1e-3 * float(expected.std()), rtol=1e-3)
    assert all(torch.equal(before[name], values) for name, values in net.state_dict().items())
