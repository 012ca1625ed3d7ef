"""From a network in PyTorch to OpenVINO's graph of it."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from .libraries import log_left_alone, openvino

LEVELS = 6  # of a network that does not tell its own


class GroupNormOfChannels(nn.Module):
    """Group normalisation that leaves channels last, as OpenVINO's convolutions have them.

    OpenVINO makes of a group normalisation one over a reshaped array, for which it lays the array out anew, and back: a
    quarter of the time of a window in int8. Means over space, and then over the channels of a group, do without.

    Args:
        norm: what it replaces.

    Shapes:
        `(B, C, X, Y, Z)` to `(B, C, X, Y, Z)`.
    """

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.groups, self.eps = norm.num_groups, norm.eps
        shape = 1, norm.num_groups, norm.num_channels // norm.num_groups
        self.weight = nn.Parameter(norm.weight.detach().reshape(shape))  # (1, G, C / G)
        self.bias = nn.Parameter(norm.bias.detach().reshape(shape))  # (1, G, C / G)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise, then scale and shift."""
        mean = self._mean(x)  # (B, G, 1)
        # of what is centred: the difference of two means of squares would be lost in bfloat16
        variance = self._mean((x - self._of_channels(mean)) ** 2)  # (B, G, 1)
        scale = self.weight * torch.rsqrt(variance + self.eps)  # (B, G, C / G)
        return x * self._of_channels(scale) + self._of_channels(self.bias - mean * scale)  # (B, C, X, Y, Z)

    def _mean(self, x: torch.Tensor) -> torch.Tensor:
        of_channels = x.mean((2, 3, 4))  # (B, C)
        return of_channels.unflatten(1, (self.groups, -1)).mean(2, keepdim=True)  # (B, G, 1)

    def _of_channels(self, of_groups: torch.Tensor) -> torch.Tensor:
        return of_groups.expand(-1, -1, self.weight.shape[2]).flatten(1)[..., None, None, None]  # (B, C, 1, 1, 1)


def to_graph(network: nn.Module, in_channels: int = 1) -> Any:
    """Convert a network.

    Args:
        network: on any device; it is left as it is.
        in_channels: of the image.

    Returns:
        An `openvino.Model` of float32, `(B, C, X, Y, Z)` to logits `(B, K, X, Y, Z)`.

    Raises:
        UserError: if OpenVINO is not installed.
    """
    levels = len((getattr(network, "arguments", None) or {}).get("channels", [0] * LEVELS))
    side = max(2, 2 ** (levels - 1))  # of the patch that it is traced with, which its poolings halve to one voxel
    copied = copy.deepcopy(network).cpu().float().eval()
    _replace_norms(copied, {})
    with torch.no_grad(), log_left_alone():
        return openvino().convert_model(copied, example_input=torch.zeros(1, in_channels, side, side, side))


def _replace_norms(module: nn.Module, known: dict[int, nn.Module]) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.GroupNorm):  # one may serve several layers
            setattr(module, name, known.setdefault(id(child), GroupNormOfChannels(child)))
        else:
            _replace_norms(child, known)
