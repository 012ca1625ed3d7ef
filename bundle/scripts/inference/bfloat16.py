"""Run the network in bfloat16, which is faster on devices that have instructions for it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import Inferer
from torch import nn


class Bfloat16Inferer(Inferer):
    """Let the network compute in bfloat16 by PyTorch's autocasting, and give float32.

    Args:
        enabled: whether to; else the network computes in float32, whatever autocasting there is around it.
        inferer: runs the network.
        round_weights: round weights once a call and not at every run of the network, with the same result. For
            inference over many windows; training needs its weights in float32.
    """

    def __init__(self, enabled: bool, inferer: Inferer, round_weights: bool = False) -> None:
        super().__init__()
        self.enabled = enabled
        self.inferer = inferer
        self.round_weights = round_weights

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Take `(B, C, X, Y, Z)` to float32 logits `(B, K, X, Y, Z)`."""
        if self.enabled and self.round_weights:
            network = with_rounded_weights(network)
        return self.inferer(inputs, autocast(network, self.enabled), *args, **kwargs)


def autocast(network: Callable[..., torch.Tensor], enabled: bool) -> Callable[..., torch.Tensor]:
    """Return a network that computes in bfloat16, or else in float32, and gives float32."""

    def run(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=enabled):
            y = network(x, *args, **kwargs)
        return y.float()

    return run


def with_rounded_weights(network: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Copy a network with the weights of its convolutions in bfloat16.

    Autocasting would round them so at every run. It is a copy because others may run the same network meanwhile (MONAI
    Label does), some of them in float32. What is no PyTorch module, is TorchScript, or was rounded before, is returned
    as it is.
    """
    if not isinstance(network, nn.Module) or isinstance(network, torch.jit.ScriptModule):
        return network
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d)]
    weights_of = [weights for layer in layers for weights in layer.parameters(recurse=False)]
    if all(weights.dtype == torch.bfloat16 for weights in weights_of):
        return network
    rounded = {
        id(weights): nn.Parameter(weights.detach().bfloat16(), requires_grad=weights.requires_grad)
        for weights in weights_of
    }
    return copy.deepcopy(network, rounded)  # deepcopy takes from this dictionary what it finds there
