"""TubeNet, and the layers that it is made of."""

from .blocks import LuongGate
from .layers import Dropout, GroupNorm, MaxPool, SoundConv3d
from .tensorrt import by_tensorrt
from .tubenet import TubeNet

__all__ = [
    "Dropout",
    "GroupNorm",
    "LuongGate",
    "MaxPool",
    "SoundConv3d",
    "TubeNet",
    "by_tensorrt",
]
