"""Gradients in bfloat16: near those in float32, the same at every call, whatever the memory held before."""

import pytest
import torch
from torch.nn import functional as F

from scripts.network import Conv3x3x3, TubeNet


def spoil_memory():
    """Leave NaN where the next tensors will be allocated."""
    for size in (10**4, 10**5, 10**6):
        torch.full((size,), float("nan"))


def gradient(convolution, x, towards):
    convolution.zero_grad()
    spoil_memory()
    (convolution(x).float() * towards).sum().backward()
    return convolution.weight.grad.clone()


@pytest.mark.parametrize("shape", [(2, 2, 2), (2, 2, 1), (2, 4, 4), (1, 1, 1), (3, 2, 2), (4, 4, 2)], ids=str)
def test_a_convolution_over_few_voxels(shape):
    torch.manual_seed(0)
    convolution = Conv3x3x3(16, 24)
    x, towards = torch.randn(2, 16, *shape), torch.randn(2, 24, *shape)
    exact = gradient(convolution, x, towards)
    rounded = []
    for _ in range(4):
        with torch.autocast("cpu", torch.bfloat16):
            rounded.append(gradient(convolution, x, towards))
    assert all(torch.equal(rounded[0], other) for other in rounded)
    assert (rounded[0] - exact).norm() < 0.02 * exact.norm()


@pytest.mark.parametrize("shape", [(2, 2, 2), (2, 3, 4), (3, 3, 3)], ids=str)
def test_it_is_the_plain_convolution(shape):
    torch.manual_seed(0)
    convolution = Conv3x3x3(3, 5).double()
    x = torch.randn(2, 3, *shape, dtype=torch.float64, requires_grad=True)
    y = F.conv3d(x, convolution.weight, convolution.bias, padding=1)
    torch.testing.assert_close(convolution(x), y, rtol=0, atol=1e-12)
    torch.testing.assert_close(convolution.eval()(x), y, rtol=0, atol=0)
    wanted, got = (
        torch.autograd.grad(out.square().sum(), (x, convolution.weight)) for out in (y, convolution.train()(x))
    )
    for one, two in zip(wanted, got, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-11)


@pytest.mark.parametrize("shape", [(64, 64, 32), (32, 32, 32)], ids=str)
def test_a_training_step_can_be_repeated(shape):
    torch.manual_seed(0)
    network, x = TubeNet(channels=[4, 4, 8, 8, 8, 8]), torch.rand(1, 1, *shape)
    gradients = []
    for _ in range(4):
        network.zero_grad()
        spoil_memory()
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16):
            network(x).float().square().mean().backward()
        gradients.append([weights.grad.clone() for weights in network.parameters()])
    for one, *others in zip(*gradients, strict=True):
        assert torch.isfinite(one).all()
        assert all(torch.equal(one, other) for other in others)
