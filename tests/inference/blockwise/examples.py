"""Images in memory, a narrow network, and what both pipelines make of a volume."""

from functools import cache

import numpy as np
import torch
from monai.data import MetaTensor

from scripts.core import slices
from scripts.inference import EdgePaddedInferer, GridInferer, MultiscaleInferer
from scripts.inference.blockwise.logits.scales import Scales
from scripts.network import TubeNet


class Held:
    """An image, or logits, in memory."""

    def __init__(self, voxels):
        self.voxels, self.shape = voxels, tuple(voxels.shape[-3:])

    def read(self, box):
        return self.voxels[(..., *slices(box))]


@cache
def narrow(classes=2):
    """TubeNet as it is, but for its width; its logits differ from voxel to voxel."""
    torch.manual_seed(1)
    network = TubeNet(1, classes, channels=[4, 4, 4, 4, 4, 4], dropout=0.0).eval()
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=0.4)
    return network


@cache
def convolution(classes=2):
    """A quick network whose logits depend on where in a window a voxel lies, as near its edges they always do."""
    torch.manual_seed(1)
    return torch.nn.Conv3d(1, classes, 5, padding=2).eval()


def tubes(shape, seed=0, radius=3.0):
    """A noisy tube that winds along the first axis, (X, Y, Z) in [0, 1]."""
    x, y, z = np.meshgrid(*map(np.arange, shape), indexing="ij")
    middle = [shape[1] / 2 + shape[1] / 4 * np.sin(x / 9), shape[2] / 2 + shape[2] / 5 * np.cos(x / 7)]
    inside = (y - middle[0]) ** 2 + (z - middle[1]) ** 2 <= radius**2
    noise = np.random.default_rng(seed).random(shape)
    return (0.6 * inside + 0.4 * noise).astype(np.float32)


def inferers(roi=(32, 32, 32), overlap=0.5, scale=1):
    """Those of `inference.json` that decide where windows lie and at which size."""
    grid = GridInferer(roi, overlap=overlap, mode="gaussian", sw_batch_size=2)
    edge = EdgePaddedInferer(32, grid)
    return MultiscaleInferer(scale, edge), edge, grid


def in_memory(image, network, affine=None, **how):
    """Logits less those of the background, (K - 1, X, Y, Z), as they are found in memory."""
    batch = MetaTensor(torch.from_numpy(image)[None, None], affine=torch.eye(4) if affine is None else affine)
    with torch.inference_mode():
        logits = inferers(**how)[0](batch, network)[0].as_tensor()
    return (logits[1:] - logits[:1]).numpy()


def scales(folder, side, network, affine=None, classes=2, run=lambda stage: stage.run(), **how):
    """What finds the same by blocks of a side."""
    multiscale, edge, grid = inferers(**how)
    sides = (side, side, side) if isinstance(side, int) else side
    affine = np.eye(4) if affine is None else affine
    cpu = torch.device("cpu")
    return Scales(folder, multiscale, edge, grid, network, classes, sides, sides, cpu, affine, "a.tif", run)


def whole(shape):
    return tuple((0, size) for size in shape)
