"""Lay the network's weights out channels last, which is faster and changes how sums round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import Inferer
from torch import nn


class ChannelsLastInferer(Inferer):
    """Lay the network's weights out channels last, in place, before the inferer inside runs it.

    The configs lay them out so already. MONAI Label makes the network itself, in PyTorch's usual layout, in which sums
    are rounded otherwise: without this its masks would differ from those of the command line.

    Args:
        inferer: runs the network.
    """

    def __init__(self, inferer: Inferer) -> None:
        super().__init__()
        self.inferer = inferer

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Take `(B, C, X, Y, Z)` to logits `(B, K, X, Y, Z)`."""
        if isinstance(network, nn.Module):
            network.to(memory_format=torch.channels_last_3d)
        return self.inferer(inputs, network, *args, **kwargs)
