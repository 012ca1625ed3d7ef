"""TubeNet, and the layers that it is made of."""

from .blocks import LuongGate
from .layers import Dropout, GroupNorm, SoundConv3d
from .tubenet import TubeNet

__all__ = ["Dropout", "GroupNorm", "LuongGate", "SoundConv3d", "TubeNet"]
