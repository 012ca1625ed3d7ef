"""Run the network over a volume of any size in overlapping windows on one regular grid."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from math import ceil, prod
from typing import Any

import torch
from monai.inferers import SlidingWindowInferer

from scripts.core import advance, expect, refuse

from .edge_padded import DIVISOR


class GridInferer(SlidingWindowInferer):
    """MONAI's sliding window, with windows that shrink to a thin volume.

    MONAI would pad the volume with zeros to a whole window. Logits of overlapping windows are averaged under the
    window's weights (`mode`).

    Args:
        roi_size: the window (X, Y, Z) in voxels, each side a multiple of `divisor`; shrunken windows are too where the
            volume's sides are (`EdgePaddedInferer`).
        overlap: of neighbouring windows, as a fraction of their side, at least 0 and below 1.
        divisor: 2 to the power of the number of the network's poolings.
        progress: tell each window to the progress that runs (`scripts.core.Progress`), if any does; MONAI would draw a
            bar for every volume and scale.
        kwargs: for MONAI's `SlidingWindowInferer`.

    Raises:
        UserError: for a window or an overlap that the network or MONAI cannot use.
    """

    def __init__(
        self,
        roi_size: Sequence[int],
        overlap: float = 0.5,
        divisor: int = DIVISOR,
        progress: bool = False,
        **kwargs: Any,
    ) -> None:
        if any(side < divisor or side % divisor for side in roi_size):
            refuse(
                f"--patch_size {list(roi_size)}",
                f"not all are multiples of {divisor}, which the network's poolings need",
                f"give such as {[2 * divisor] * 3}",
            )
        if not (isinstance(overlap, int | float) and 0 <= overlap < 1):
            refuse(f"--overlap {overlap}", "is not at least 0 and below 1", "give one such as 0.5")
        super().__init__(roi_size=tuple(roi_size), overlap=overlap, **kwargs)
        self.tells = progress

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Take `(B, C, X, Y, Z)` to logits `(B, K, X, Y, Z)`."""
        fitted = copy.copy(self)  # other threads may be using this one
        fitted.roi_size = tuple(map(min, self.roi_size, inputs.shape[2:]))
        if fitted.roi_size != self.roi_size:
            fitted.roi_weight_map = None  # MONAI's cache is that of the whole window
        if self.tells:
            expect(len(inputs) * self.work(inputs.shape[2:]))
            network = _counted(network)
        return super(GridInferer, fitted).__call__(inputs, network, *args, **kwargs)  # (B, K, X, Y, Z)

    def work(self, shape: Sequence[int]) -> int:
        """Return how many voxels the network sees of a volume, each as often as a window has it.

        Args:
            shape: the volume's (X, Y, Z) in voxels.
        """
        window = tuple(map(min, self.roi_size, shape))
        steps = [max(1, int(side * (1 - self.overlap))) for side in window]
        along = [ceil((size - side) / step) + 1 for size, side, step in zip(shape, window, steps, strict=True)]
        return prod(along) * prod(window)


def _counted(network: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Return a network that tells how many voxels it has seen."""

    def run(windows: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        logits = network(windows, *args, **kwargs)  # (B, K, X, Y, Z)
        advance(windows[:, 0].numel())
        return logits

    return run


def reach_of_windows(roi_size: Sequence[int], overlap: float) -> list[int]:
    """Return the margin around a block with which windows overlap at its edge as they do inside.

    Args:
        roi_size: the window (X, Y, Z) in voxels.
        overlap: of neighbouring windows, as a fraction of their side.

    Returns:
        Voxels along X, Y and Z: the window less MONAI's step from one to the next.
    """
    return [side - max(1, int(side * (1 - overlap))) for side in roi_size]
