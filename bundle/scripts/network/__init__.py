"""TubeNet, a 3-D U-Net for blood vessels, and the layers that it is made of.

>>> import torch
>>> network = TubeNet(channels=[4, 8, 16])
>>> network(torch.zeros(1, 1, 32, 24, 16)).shape  # logits of background and vessel
torch.Size([1, 2, 32, 24, 16])
"""

from .blocks import LuongGate
from .layers import Conv3x3x3, Dropout, GroupNorm, MaxPool
from .tensorrt import by_tensorrt
from .tubenet import TubeNet
from .voxel_classifier import VoxelClassifier

__all__ = [
    "Conv3x3x3",
    "Dropout",
    "GroupNorm",
    "LuongGate",
    "MaxPool",
    "TubeNet",
    "VoxelClassifier",
    "by_tensorrt",
]
