"""A narrow network with a point of its own, windows, and the inferers around them."""

from functools import cache

import torch

from scripts.inference import EdgePaddedInferer, EngineInferer, GridInferer
from scripts.inference.engine import quantise
from scripts.network import TubeNet


@cache
def network(classes=2, channels=(4, 8), **how):
    """Weights large enough that logits differ from voxel to voxel."""
    torch.manual_seed(3)
    made = TubeNet(1, classes, channels=list(channels), dropout=0.0, **how).eval()
    for weights in made.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    return made


def windows(count=4, side=(32, 32, 32)):
    """Smoothed noise in [0, 1], `(N, 1, X, Y, Z)`."""
    noise = torch.rand((count, 1, *side), generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.avg_pool3d(noise, 3, stride=1, padding=1).sub(0.3).mul(2).clamp(0, 1)


@cache
def graph():
    """`network()` in int8."""
    return quantise(network(), windows(8))


def engine(roi=(32, 32, 32), **how):
    grid = GridInferer(roi, overlap=0.25, mode="gaussian", sw_batch_size=2)
    return EngineInferer(EdgePaddedInferer(32, grid), **how)


def logits_of(net, batch):
    with torch.inference_mode():
        return net(batch)
