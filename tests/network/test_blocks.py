"""The blocks of TubeNet one by one: shapes, and what each does, from its definition."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from scripts.network import LuongGate
from scripts.network.blocks import ConvLayer, DecoderLayer, EncoderLayer


def image(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def decoder(**switches):
    arguments = {"pooled_skip": False, "attention": False, "shared_norm": False, "convolutions": 1, "dropout": 0.0}
    return DecoderLayer(12, 8, 8, act="relu", norm_eps=1e-5, **{**arguments, **switches}).double().eval()


def test_a_convolution_is_followed_by_activation_and_then_normalisation():
    layer, x = ConvLayer((1, 4), "relu", 1e-5).double(), image(2, 1, 6, 5, 4)
    convolution, _, norm = layer.layers
    y = F.conv3d(x, convolution.weight, convolution.bias, padding=1).relu()
    torch.testing.assert_close(layer(x), F.group_norm(y, 1, norm.weight, norm.bias, 1e-5))


@pytest.mark.parametrize(("last_norm", "shared_norm", "norms"), [(True, False, 2), (True, True, 1), (False, False, 1)])
def test_normalisations_may_be_shared_and_the_last_left_out(last_norm, shared_norm, norms):
    layer = ConvLayer((4, 8, 8), "relu", 1e-5, shared_norm, last_norm)
    assert len({module for module in layer.modules() if isinstance(module, nn.GroupNorm)}) == norms
    assert layer(torch.zeros(1, 4, 4, 4, 4)).shape == (1, 8, 4, 4, 4)


def test_an_encoder_layer_gives_what_is_pooled_and_the_features_before():
    layer, x = EncoderLayer((1, 4, 8), 0.5, "relu", 1e-5, False).double().eval(), image(2, 1, 8, 6, 4)
    pooled, features = layer(x)
    assert features.shape == (2, 8, 8, 6, 4)
    assert torch.equal(pooled, F.max_pool3d(features, 2))


@pytest.mark.parametrize("switches", [{}, {"attention": True}, {"shared_norm": True}, {"convolutions": 3}])
def test_a_decoder_layer_doubles_the_resolution(switches):
    assert decoder(**switches)(image(2, 12, 4, 3, 2), image(2, 8, 8, 6, 4)).shape == (2, 8, 8, 6, 4)


def test_a_pooled_skip_joins_before_the_transposed_convolution():
    layer, below, skip = decoder(pooled_skip=True), image(2, 12, 4, 3, 2), image(2, 8, 4, 3, 2)
    joined = torch.cat((skip, below), dim=1)  # (B, 20, X, Y, Z)
    torch.testing.assert_close(layer(below, skip), layer.conv(layer.norm(layer.up(joined).relu())))


@torch.no_grad()
def test_gate_weights_the_decoder_map_and_knows_no_patch():
    gate, q, k = LuongGate(8).double(), image(1, 8, 12, 12, 12), image(2, 8, 12, 12, 12)[1:]
    inside, crop = (..., *[slice(3, 9)] * 3), (..., *[slice(2, 10)] * 3)
    torch.testing.assert_close(gate(q[crop], k[crop])[..., 1:-1, 1:-1, 1:-1], gate(q, k)[inside])
    weight = gate(q, k) / k
    torch.testing.assert_close(weight, weight[:, :1].expand_as(weight))  # one for all channels
    assert 0 < weight.min() < weight.max() < 1
    gate.map.bias.fill_(1e3)
    assert torch.equal(gate(q, k), k)
    gate.map.bias.fill_(-1e3)
    assert not gate(q, k).any()
