import doctest
import itertools
import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from scripts import network as package
from scripts.network import TubeNet
from tests.helpers.bundle_command import network_arguments

PUBLISHED = network_arguments("published")
FULL = (32, 64, 128, 256, 512, 1024)
SMALL = (4, 8, 12)  # two poolings
GRAPHS = {
    "paper": {},
    "published": {**PUBLISHED, "channels": SMALL},
    "attention": {"attention": True},
    "shared norm": {"shared_norm": True},
}


def network(dropout=0.3, **switches):
    """Small, double precision; no two parameters equal, so that a mistake shows."""
    torch.manual_seed(0)
    net = TubeNet(**{"channels": SMALL, "dropout": dropout, **switches}).double()
    for parameter in net.parameters():
        nn.init.normal_(parameter, 0.1, 0.3)
    return net.eval()


def image(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def record(module, outputs, name, what="output"):
    module.register_forward_hook(lambda _, i, o: outputs.update({name: o if what == "output" else i[0]}))


def conv_act(net, name, x):
    p = net.get_submodule(name)
    return F.leaky_relu(F.conv3d(x, p.weight, p.bias, padding=1), 0.2)


def up_act(net, name, x):
    p = net.get_submodule(name)
    return F.leaky_relu(F.conv_transpose3d(x, p.weight, p.bias, stride=2), 0.2)


def norm(net, name, x, eps):
    """Group normalisation, four channels a group, from its definition."""
    p = net.get_submodule(name)
    groups = x.unflatten(1, (-1, 4))  # (B, C / 4, 4, X, Y, Z)
    dims = (2, 3, 4, 5)
    variance = groups.var(dims, correction=0, keepdim=True)
    x = ((groups - groups.mean(dims, keepdim=True)) / (variance + eps).sqrt()).flatten(1, 2)
    return x * p.weight[:, None, None, None] + p.bias[:, None, None, None]


def test_the_example_of_the_package():
    assert doctest.testmod(package).failed == 0


def test_published_graph_by_hand():
    net = network(**{**PUBLISHED, "channels": (4, 8)})
    x = image(2, 1, 4, 6, 8)

    h = norm(net, "encoder.0.conv.layers.2", conv_act(net, "encoder.0.conv.layers.0", x), 1e-3)
    h = norm(net, "encoder.0.conv.layers.2", conv_act(net, "encoder.0.conv.layers.3", h), 1e-3)  # the same norm
    skip = F.max_pool3d(h, 2)
    h = norm(net, "bottleneck.layers.2", conv_act(net, "bottleneck.layers.0", skip), 1e-3)
    h = conv_act(net, "bottleneck.layers.3", h)  # back to 4 channels, no norm
    h = norm(net, "decoder.0.norm", up_act(net, "decoder.0.up", torch.cat((skip, h), 1)), 1e-3)
    h = norm(net, "decoder.0.norm", conv_act(net, "decoder.0.conv.layers.0", h), 1e-3)
    torch.testing.assert_close(net(x), F.conv3d(h, net.head.weight, net.head.bias))


@pytest.mark.parametrize("attention", [False, True])
def test_paper_graph_by_hand(attention):
    net = network(channels=(4, 8), attention=attention)
    x = image(2, 1, 4, 6, 8)

    def two(block, h):
        h = norm(net, f"{block}.layers.2", conv_act(net, f"{block}.layers.0", h), 1e-5)
        return norm(net, f"{block}.layers.5", conv_act(net, f"{block}.layers.3", h), 1e-5)

    skip = two("encoder.0.conv", x)
    h = two("bottleneck", F.max_pool3d(skip, 2))
    h = norm(net, "decoder.0.norm", up_act(net, "decoder.0.up", h), 1e-5)
    if attention:
        gate = net.decoder[0].gate
        q = F.conv3d(skip, gate.query.weight, gate.query.bias, padding=1)
        k = F.conv3d(h, gate.key.weight, gate.key.bias, padding=1)
        dot = torch.einsum("bcxyz,bcxyz->bxyz", q, k) / 2  # the root of 4 channels
        h = h * torch.sigmoid(gate.map.weight * dot[:, None] + gate.map.bias)
    else:
        h = torch.cat((skip, h), 1)
    h = two("decoder.0.conv", h)
    torch.testing.assert_close(net(x), F.conv3d(h, net.head.weight, net.head.bias))


# -- sizes ------------------------------------------------------------------------------------------------------------


def test_published_parameters():
    with torch.device("meta"):
        net = TubeNet(**PUBLISHED)
    assert [count(layer) for layer in net.encoder] == [28_640, 166_144, 664_064, 2_655_232, 10_618_880]
    assert count(net.bottleneck) == 28_315_136
    assert [count(layer) for layer in net.decoder] == [11_274_240, 3_343_360, 836_096, 209_152, 52_352]
    assert count(net.head) == 66
    assert count(net) == 58_163_362


@pytest.mark.parametrize("attention", [False, True])
def test_paper_parameters(attention):
    def conv(before, after, side=3):
        return side**3 * before * after + after

    def normed(before, after, side=3):
        return conv(before, after, side) + 2 * after

    expected = conv(32, 2, side=1)
    for above, width in itertools.pairwise((1, *FULL)):
        expected += normed(above, width) + normed(width, width)
    for width, below in itertools.pairwise(FULL):
        expected += normed(below, width, side=2) + normed(width, width)
        expected += normed(width, width) + 2 * conv(width, width) + 2 if attention else normed(2 * width, width)
    with torch.device("meta"):
        net = TubeNet(channels=FULL, attention=attention)
    assert count(net) == expected
    assert attention or expected == 90_488_258


# -- how it behaves ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@torch.no_grad()
def test_script_and_export_equal_eager(graph):
    net, x, other = network(**GRAPHS[graph]).float(), image(2, 1, 8, 12, 16).float(), image(3, 1, 16, 8, 20).float()
    sides = {i: 4 * torch.export.Dim(f"n{i}", min=1, max=64) for i in (2, 3, 4)}
    shapes = {0: torch.export.Dim("batch", min=1, max=64), **sides}
    exported = torch.export.export(net, (x,), dynamic_shapes=(shapes,)).module()
    for module in (torch.jit.script(net), exported):
        torch.testing.assert_close(module(x), net(x))
        torch.testing.assert_close(module(other), net(other))


@pytest.mark.parametrize("graph", GRAPHS)
def test_channels_classes_and_gradients(graph):
    net = network(**{**GRAPHS[graph], "dropout": 0.0, "in_channels": 3, "out_channels": 5})
    logits = net(image(2, 3, 8, 12, 4))
    assert logits.shape == (2, 5, 8, 12, 4)
    (logits * image(2, 5, 8, 12, 4)).sum().backward()
    unused = [name for name, p in net.named_parameters() if p.grad is None or p.grad.abs().max() < 1e-9]
    assert unused == []


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("axes", [(1, 0, 2), (2, 0, 1)])
@torch.no_grad()
def test_all_axes_are_alike(graph, axes):
    net, x, order = network(**GRAPHS[graph]), image(1, 1, 4, 8, 12), (0, 1, *(axis + 2 for axis in axes))
    before = net(x).permute(order)
    for parameter in net.parameters():
        if parameter.ndim == 5:
            parameter.data = parameter.permute(order).contiguous()
    torch.testing.assert_close(net(x.permute(order)), before)


def test_skips_are_full_resolution_from_before_pooling_and_dropout():
    net, features, joined = network().train(), {}, {}
    for i, width in enumerate(SMALL[:-1]):
        record(net.encoder[i].conv, features, width)
        record(net.decoder[-1 - i].conv, joined, width, what="input")
    net(image(1, 1, 8, 8, 8))
    for width in SMALL[:-1]:
        assert joined[width].shape[1] == 2 * width
        assert torch.equal(joined[width][:, :width], features[width])


def test_gate_replaces_the_concatenation():
    net, features, asked = network(attention=True).train(), {}, {}
    for i, width in enumerate(SMALL[:-1]):
        layer = net.decoder[-1 - i]
        assert layer.conv.layers[0].weight.shape == (width, width, 3, 3, 3)  # and not 2 * width
        record(net.encoder[i].conv, features, width)
        record(layer.gate.query, asked, width, what="input")
    net(image(1, 1, 8, 8, 8))
    assert all(torch.equal(features[width], asked[width]) for width in SMALL[:-1])


def dropped(net):
    """Share of zeros that leaves each layer, deepest decoder layer last but one."""
    outputs = {}
    for i, layer in enumerate((*net.encoder, net.bottleneck_dropout, *net.decoder)):
        record(layer, outputs, i)
    net(image(4, 1, 16, 16, 16))
    return [float(((o[0] if isinstance(o, tuple) else o) == 0).double().mean()) for o in outputs.values()]


def test_dropout_after_every_layer_in_training_only():
    net = network(channels=(16, 16, 32))
    assert dropped(net.train()) == pytest.approx([0.3] * 5, abs=0.03)
    assert dropped(net.eval()) == [0] * 5
    published = network(**{**PUBLISHED, "channels": (16, 16, 32)}).train()
    assert dropped(published) == pytest.approx([0.3, 0.3, 0, 0, 0], abs=0.03)
    assert dropped(network(channels=(16, 16, 32), decoder_dropout=0.6).train())[3:] == pytest.approx(
        [0.6] * 2, abs=0.03
    )


def test_norms():
    every = [m for m in network().modules() if isinstance(m, nn.GroupNorm)]
    convolutions = [m for m in network().modules() if isinstance(m, nn.Conv3d | nn.ConvTranspose3d)]
    assert len(every) == len(convolutions) - 1  # all but the head's; listed once each, so none is shared
    assert all(m.num_channels == 4 * m.num_groups and m.eps == 1e-5 for m in every)
    shared = network(shared_norm=True, decoder_convolutions=3).decoder[0]
    assert sum(isinstance(m, nn.GroupNorm) for m in shared.modules()) == 1


def test_arguments_rebuild_the_network():
    net = TubeNet(2, 3, channels=(4, 8), act=("leakyrelu", {"negative_slope": 0.1}), norm_eps=1e-3, attention=True)
    again = TubeNet(**json.loads(json.dumps(net.arguments)))
    again.load_state_dict(net.state_dict())
    x = torch.randn(1, 2, 4, 4, 4)
    assert torch.equal(net.eval()(x), again.eval()(x))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": (4,)}, r"channels \[4\]: are not 2 to 16 multiples of 4 up to 4096"),
        ({"channels": (4, 6)}, r"channels \[4, 6\]: are not 2 to 16 multiples of 4 up to 4096"),
        ({"channels": (0, 4)}, r"channels \[0, 4\]: are not 2 to 16 multiples of 4 up to 4096"),
        ({"channels": (4, 10**9)}, r"channels \[4, 1000000000\]: are not 2 to 16 multiples of 4 up to 4096"),
        ({"channels": (4,) * 10**6}, "are not 2 to 16 multiples of 4 up to 4096"),
        ({"channels": "48"}, r"channels \['4', '8'\]: are not 2 to 16 multiples"),
        ({"channels": (4, 8.0)}, r"channels \[4, 8.0\]: are not 2 to 16 multiples"),
        ({"out_channels": 10**9}, "out_channels 1000000000: is not a whole number from 2 to 1024"),
        ({"out_channels": True}, "out_channels True: is not a whole number"),
        ({"decoder_convolutions": 10**9}, "decoder_convolutions 1000000000: is not a whole number from 1 to 16"),
        ({"in_channels": 0}, "in_channels 0: is not a whole number from 1 to 4096"),
        (
            {"out_channels": 1},
            "out_channels 1: is not a whole number from 2 to 1024; give the number of classes, background among them",
        ),
        ({"decoder_convolutions": 0}, "decoder_convolutions 0: is not a whole number from 1 to 16"),
        ({"attention": True, "pooled_skips": True}, "attention: needs full-resolution skips"),
        ({"dropout": 1.5}, "dropout probability"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        TubeNet(**arguments)
