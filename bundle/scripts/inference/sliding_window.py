"""How the network is run over a patch and over a volume: windows on one grid, edge padding, bfloat16 on request."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
from monai.inferers import Inferer, SlidingWindowInferer
from torch import nn
from torch.nn import functional as F

from scripts.core import keep_freed_memory, read_scale, refuse, return_freed_memory

from .multiscale import AUTO, add_resampled, affine_of, bare, coarser_shapes, like, resample, shape_at

logger = logging.getLogger(__name__)


def _autocast(network: Callable, amp: bool) -> Callable:
    """Let `network` compute in bfloat16 where `amp` asks for it; what comes out is float32 in either case."""

    def run(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=amp):
            y = network(x, *args, **kwargs)
        return y.float()

    return run


def for_many_windows(network: Callable, amp: bool) -> Callable:
    """Return `network` as it runs fastest over and over; what it computes is what `PatchInferer` does.

    The weights of convolutions are rounded to bfloat16 once, which autocasting would do for every window.

    Args:
        network: `(B, C, X, Y, Z)` to logits `(B, K, X, Y, Z)`; float32 comes out.
        amp: compute in bfloat16.
    """
    if not amp or not isinstance(network, nn.Module) or isinstance(network, torch.jit.ScriptModule):
        return _autocast(network, amp)
    # a copy, for others may run the same network meanwhile (MONAI Label does), some of them in float32
    rounded = {
        id(weights): nn.Parameter(weights.detach().bfloat16(), requires_grad=weights.requires_grad)
        for layer in network.modules()
        if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d)
        for weights in layer.parameters(recurse=False)
    }
    return _autocast(copy.deepcopy(network, rounded), amp)


def reach_of_windows(roi_size: Sequence[int], overlap: float) -> list[int]:
    """How far beyond a voxel the windows begin that cover it; windows further off tell nothing of it.

    Args:
        roi_size: the window (X, Y, Z).
        overlap: of neighbouring windows, as a fraction.

    Returns:
        Voxels along X, Y and Z: the window less MONAI's step from one to the next.
    """
    return [side - max(1, int(side * (1 - overlap))) for side in roi_size]


class PatchInferer(Inferer):
    """Run the network once, for training.

    Args:
        amp: compute in bfloat16.
    """

    def __init__(self, amp: bool = False) -> None:
        super().__init__()
        self.amp = amp
        keep_freed_memory()

    def __call__(self, inputs: torch.Tensor, network: Callable, *args: Any, **kwargs: Any) -> torch.Tensor:
        """`(B, C, X, Y, Z)` to float32 logits `(B, K, X, Y, Z)`."""
        return _autocast(network, self.amp)(inputs, *args, **kwargs)


class GridInferer(SlidingWindowInferer):
    """MONAI's sliding window over a volume of any size, the windows on one regular grid.

    The volume is padded at its far ends with edge values to a multiple of `divisor`, which is what the network's
    poolings need, and never to a whole window: where an axis is shorter than the window, the window shrinks. A stack
    of 15 slices so runs as 32 of them and not as 64. Logits are averaged under the window's weights and cropped back.
    The network's weights are laid out channels last, as the configs have them, if they are not: in another layout it
    rounds otherwise, and MONAI Label, which makes the network itself, would not give the command line's masks.

    Args:
        roi_size: the window (X, Y, Z), each a multiple of `divisor`.
        overlap: of neighbouring windows, as a fraction, at least 0 and below 1.
        divisor: `2 ** number of poolings`.
        amp: compute in bfloat16.
        scale: the network sees the volume resampled so (`scripts.inference.shape_at`), and its logits are
            brought back; at 1 nothing is. `auto`: at 1, and with it at `scripts.inference.COARSER` where
            vessels are wide enough (`scripts.inference.coarser_shapes`), averaged.
        kwargs: for MONAI's `SlidingWindowInferer`.

    Raises:
        UserError: for a window, an overlap or a scale that is none.
    """

    def __init__(
        self,
        roi_size: tuple[int, ...],
        overlap: float = 0.5,
        divisor: int = 32,
        amp: bool = False,
        scale: float | str = 1,
        **kwargs: Any,
    ) -> None:
        if any(side < divisor or side % divisor for side in roi_size):
            refuse(
                f"--patch_size {list(roi_size)}",
                f"not all are multiples of {divisor}, which the network's poolings need",
                f"give such as {[2 * divisor] * 3}",
            )
        if not 0 <= overlap < 1:
            refuse(f"--overlap {overlap}", "is not at least 0 and below 1", "give one such as 0.5")
        super().__init__(roi_size=tuple(roi_size), overlap=overlap, **kwargs)
        self.divisor = divisor
        self.amp = amp
        self.scale = read_scale(scale)
        keep_freed_memory()

    def __call__(self, inputs: torch.Tensor, network: Callable, *args: Any, **kwargs: Any) -> torch.Tensor:
        """`(B, C, X, Y, Z)`, one voxel size a batch, to float32 logits `(B, K, X, Y, Z)`."""
        own, affine, image = tuple(inputs.shape[2:]), affine_of(inputs), bare(inputs)

        def found_at(shape: tuple[int, ...]) -> torch.Tensor:
            return self._by_windows(resample(image, shape), network, *args, **kwargs)  # (B, K, *shape)

        if self.scale != AUTO and (shape := shape_at(self.scale, own, affine)) != own:
            return like(inputs, resample(found_at(shape), own))
        logits = self._by_windows(inputs, network, *args, **kwargs)
        if self.scale == AUTO and (shapes := coarser_shapes(bare(logits), affine)):
            logger.info("wide vessels: seen at %s voxels too", ", ".join("×".join(map(str, shape)) for shape in shapes))
            total = bare(logits)  # the same memory
            for shape in shapes:
                add_resampled(total, found_at(shape))
            total /= 1 + len(shapes)
        return logits

    def _by_windows(self, inputs: torch.Tensor, network: Callable, *args: Any, **kwargs: Any) -> torch.Tensor:
        if isinstance(network, nn.Module):
            network.to(memory_format=torch.channels_last_3d)
        shape = inputs.shape[2:]
        padding = [-size % self.divisor for size in shape]
        # F.pad counts from the last axis and wants (before, after) pairs
        pairs = [width for after in reversed(padding) for width in (0, after)]
        padded = F.pad(inputs, pairs, mode="replicate") if any(padding) else inputs  # (B, C, multiples of divisor)
        roi_size, self.roi_size = self.roi_size, tuple(map(min, self.roi_size, padded.shape[2:]))
        try:
            logits = super().__call__(padded, for_many_windows(network, self.amp), *args, **kwargs)
        finally:
            self.roi_size = roi_size
            return_freed_memory()
        return logits[(..., *(slice(size) for size in shape))]  # (B, K, X, Y, Z)
