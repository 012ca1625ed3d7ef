"""The layers that stand in for PyTorch's on a CPU: what they compute is what PyTorch's compute."""

import pytest
import torch
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from scripts.network import Dropout, GroupNorm, MaxPool, TubeNet

SHAPES = [(2, 8, 4, 6, 8), (1, 4, 3, 5, 7), (3, 64, 2, 2, 2), (2, 2048, 1, 2, 1), (2, 12, 8, 4, 4)]


def parted(norm, x, dy):
    """Gradients by x, weight and bias."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(norm(x), (x, norm.weight, norm.bias), dy)


@pytest.fixture
def norm_and_values(request):
    """A normalisation with parameters of its own, input and gradient, rounded to bfloat16 and channels last."""
    torch.manual_seed(0)
    shape = request.param
    norm = GroupNorm(shape[1], eps=1e-5)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2.0)
        norm.bias.normal_()
    x, dy = (torch.randn(shape).bfloat16().contiguous(memory_format=torch.channels_last_3d) for _ in range(2))
    return norm, x + 1, dy  # a mean beside 0, for the gradient is a difference from it


@pytest.mark.parametrize("norm_and_values", SHAPES, indirect=True, ids=str)
def test_group_norm_in_bfloat16_has_the_gradient_of_double_precision(norm_and_values):
    norm, x, dy = norm_and_values
    got = parted(norm, x, dy)
    norm.double()
    wanted = parted(norm, x.double(), dy.double())
    for mine, exact in zip(got, wanted, strict=True):
        assert (mine.double() - exact).norm() < 0.01 * exact.norm()


@pytest.mark.parametrize("norm_and_values", SHAPES[:2], indirect=True, ids=str)
def test_group_norm_takes_any_layout(norm_and_values):
    norm, x, dy = norm_and_values
    last = parted(norm, x, dy)
    first = parted(norm, x.contiguous(), dy.contiguous())
    mixed = parted(norm, x, dy.contiguous())
    for one, two, three in zip(last, first, mixed, strict=True):
        assert torch.equal(one, three)
        assert (one.double() - two.double()).norm() < 0.01 * one.double().norm()


@pytest.mark.parametrize("training", [True, False])
def test_group_norm_forward_is_pytorch_s(training):
    torch.manual_seed(0)
    norm, x = GroupNorm(8, eps=1e-3).train(training), torch.randn(2, 8, 4, 4, 4)
    wanted = F.group_norm(x.bfloat16(), 2, norm.weight, norm.bias, 1e-3)
    assert torch.equal(norm(x.bfloat16()), wanted)
    assert torch.equal(norm(x), F.group_norm(x, 2, norm.weight, norm.bias, 1e-3))


def test_group_norm_takes_what_lies_apart_and_other_numbers_of_axes():
    norm, wide = GroupNorm(8, eps=1e-5), torch.randn(2, 16, 4, 4, 4).bfloat16()
    for x in (wide[:, ::2], wide[:, :8, :, :3], wide[:, :8, 0], wide[:0, :8]):
        wanted = F.group_norm(x.contiguous(), 2, norm.weight, norm.bias, 1e-5)
        torch.testing.assert_close(norm(x), wanted, rtol=0, atol=0.02)


def test_group_norm_of_frozen_parameters():
    norm, x = GroupNorm(8, eps=1e-5).requires_grad_(False), torch.randn(1, 8, 2, 2, 2).bfloat16().requires_grad_()
    (norm(x) * x).float().sum().backward()
    assert torch.isfinite(x.grad).all()
    assert norm.weight.grad is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("p", [0.1, 0.3, 0.7])
def test_dropout_drops_its_share_and_keeps_the_mean(p, dtype):
    torch.manual_seed(0)
    x = torch.ones(2, 16, 32, 32, 32, dtype=dtype).contiguous(memory_format=torch.channels_last_3d).requires_grad_()
    y = Dropout(p)(x)
    dropped = y == 0
    count = dropped.numel()
    assert abs(dropped.sum().item() - p * count) < 5 * (p * (1 - p) * count) ** 0.5
    assert y[~dropped].unique().tolist() == [torch.tensor(1 / (1 - p), dtype=dtype).item()]
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())
    assert y.is_contiguous(memory_format=torch.channels_last_3d)


@pytest.mark.parametrize("p", [1e-9, 1 - 1e-9])
def test_dropout_of_nearly_nothing_and_nearly_all(p):
    y = Dropout(p)(torch.ones(64))
    assert (y != 0).all() if p < 0.5 else not y.any()


def test_dropout_draws_sixteen_bits_a_value():
    """From the same seed other values than PyTorch's, whose draw takes five times as long."""
    torch.manual_seed(0)
    mine = Dropout(0.3)(torch.ones(4096))
    torch.manual_seed(0)
    assert not torch.equal(mine, F.dropout(torch.ones(4096), 0.3))


def test_dropout_draws_each_value_by_itself():
    """Neighbours in memory, which share a random number, are dropped independently of one another."""
    torch.manual_seed(0)
    dropped = (Dropout(0.3)(torch.ones(2**20)) == 0).float()
    for step in (1, 2, 3, 4):
        together = (dropped[:-step] * dropped[step:]).mean().item()
        assert together == pytest.approx(0.09, abs=0.002)


def test_dropout_is_a_function_of_the_seed_and_rests_in_evaluation():
    dropout, x = Dropout(0.3), torch.rand(3, 5, 7)
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append(dropout(x))
    assert torch.equal(*draws)
    assert not torch.equal(dropout(x), draws[0])
    assert torch.equal(dropout.eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)
    assert not Dropout(1.0)(x).any()


def graph_of(kind, network, x):
    if kind == "TorchScript":
        return torch.jit.script(network)
    return torch.export.export(network, (x,)).module()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", ["TorchScript", "torch.export"])
def test_graphs_hold_pytorch_s_own_layers(kind, training, dtype):
    torch.manual_seed(0)
    network, x = TubeNet(channels=[4, 8], dropout=0.0).to(dtype).train(training), torch.rand(2, 1, 4, 4, 4).to(dtype)
    found = graph_of(kind, network, x)(x)
    torch.testing.assert_close(found, network(x), rtol=0, atol=0 if dtype == torch.float32 else 0.05)


def test_a_graph_in_training_drops_too():
    network, x = TubeNet(channels=[4, 8], dropout=0.5), torch.rand(1, 1, 4, 4, 4)
    scripted = torch.jit.script(network)
    assert not torch.equal(scripted(x), scripted(x))


def test_activations_may_be_computed_again_to_save_memory():
    torch.manual_seed(0)
    network, x = TubeNet(channels=[4, 8], dropout=0.0), torch.rand(1, 1, 8, 8, 8)
    gradients = []
    for run in (network, lambda x: checkpoint(network, x, use_reentrant=False)):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            run(x).float().square().mean().backward()
        gradients.append([weights.grad for weights in network.parameters()])
    assert all(torch.equal(one, two) for one, two in zip(*gradients, strict=True))


def test_a_second_derivative_is_refused_and_not_wrong():
    norm, x = GroupNorm(8, eps=1e-5), torch.randn(1, 8, 2, 2, 2).bfloat16().requires_grad_()
    (first,) = torch.autograd.grad(norm(x).float().square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.float().square().sum().backward()


def test_pooling_stays_in_bfloat16_under_autocast():
    x = torch.randn(1, 4, 4, 6, 8).bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = MaxPool()(x)
    assert y.dtype == torch.bfloat16
    assert torch.equal(y.float(), F.max_pool3d(x.float(), 2))
    y.float().sum().backward()
    assert x.grad.sum() == y.numel()
