"""Pad a volume to sides that the network's poolings can halve, by repeating its far edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import Inferer
from torch.nn import functional as F

DIVISOR = 32  # 2 ** the number of the network's poolings


class EdgePaddedInferer(Inferer):
    """Pad a volume with edge values to multiples of `divisor`, and crop the logits back.

    Each axis is padded at its far end, and to no more than the next multiple: a stack of 15 slices runs as 32 of them
    and not as a whole window of 64.

    Args:
        divisor: 2 to the power of the number of the network's poolings.
        inferer: runs the network over a volume whose sides are multiples of `divisor`.
    """

    def __init__(self, divisor: int, inferer: Inferer) -> None:
        super().__init__()
        self.divisor = divisor
        self.inferer = inferer

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Take `(B, C, X, Y, Z)` to logits `(B, K, X, Y, Z)`."""
        shape = inputs.shape[2:]
        padded = edge_padded(inputs, self.divisor)  # (B, C, multiples of divisor)
        logits = self.inferer(padded, network, *args, **kwargs)  # (B, K, multiples of divisor)
        return logits[(..., *(slice(size) for size in shape))]  # (B, K, X, Y, Z)


def edge_padded(inputs: torch.Tensor, divisor: int) -> torch.Tensor:
    """Repeat the far edges of `(B, C, X, Y, Z)` up to multiples of `divisor`.

    Where they are multiples already, it is no copy.
    """
    # F.pad counts from the last axis and wants (before, after) pairs
    pairs = [width for size in reversed(inputs.shape[2:]) for width in (0, -size % divisor)]
    return F.pad(inputs, pairs, mode="replicate") if any(pairs) else inputs  # (B, C, multiples of divisor)
