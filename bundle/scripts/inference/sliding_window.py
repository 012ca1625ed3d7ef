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
    window's weights (`mode`). Windows all of whose voxels have one and the same value, as around a stitched or masked
    volume, have the same logits: the network sees one of them for each value.

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
        network = _constants_once(network)
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


def _constants_once(network: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Return a network that sees only one of all windows that are constant and alike."""
    known: dict[tuple[float, ...], torch.Tensor] = {}

    def run(windows: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        values = [_constant(window) for window in windows]
        if not any(values):
            return network(windows, *args, **kwargs)  # (B, K, X, Y, Z)
        unseen = {value: at for at, value in enumerate(values) if value and value not in known}
        seen = [at for at, value in enumerate(values) if not value] + [*unseen.values()]
        found = dict(zip(seen, network(windows[seen], *args, **kwargs), strict=True)) if seen else {}
        known.update({value: found[at] for value, at in unseen.items()})
        return torch.stack([known[value] if value else found[at] for at, value in enumerate(values)])  # (B, K, X, Y, Z)

    return run


def _constant(window: torch.Tensor) -> tuple[float, ...] | None:
    """Return the value of each channel of a window, `(C, X, Y, Z)`, that has but one; else None."""
    # most windows are told apart by two voxels, and need not be read whole
    if (window[:, 0, 0, 0] != window[:, -1, -1, -1]).any() or (window.amin((1, 2, 3)) != window.amax((1, 2, 3))).any():
        return None
    return tuple(window[:, 0, 0, 0].tolist())


def reach_of_windows(roi_size: Sequence[int], overlap: float) -> list[int]:
    """Return the margin around a block with which windows overlap at its edge as they do inside.

    Args:
        roi_size: the window (X, Y, Z) in voxels.
        overlap: of neighbouring windows, as a fraction of their side.

    Returns:
        Voxels along X, Y and Z: the window less MONAI's step from one to the next.
    """
    return [side - max(1, int(side * (1 - overlap))) for side in roi_size]
