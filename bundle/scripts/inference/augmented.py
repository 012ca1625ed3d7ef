"""Show the network a volume in eight in-plane turns and flips, and average what it finds.

A network has no preferred direction in plane, but its weights do a little. What it finds in eight views of a volume
differs most where it is unsure, so their mean is better than any one, and their spread says where not to trust it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.utils import MetaKeys

from scripts.core import read_boolean, return_freed_memory, through_plane_axis

from .uncertainty import Spread

VIEWS = 8  # four quarter turns, each also mirrored


class AugmentedInferer(Inferer):
    """Run the inferer inside on in-plane flips and quarter turns, and average the logits.

    In plane are the two axes across the through-plane axis, as everywhere in this bundle. Where the sides in plane
    differ, a quarter turn swaps them, and their voxel sizes with them.

    Args:
        enabled: whether to; otherwise the inferer inside sees the volume once, as it is. Text is read as on the command
            line.
        inferer: runs the network over a volume of any size.
        spread: also work out how far the views differ, which takes the memory of two more channels.
    """

    def __init__(self, enabled: bool | str, inferer: Inferer, spread: bool = False) -> None:
        super().__init__()
        self.enabled = read_boolean("tta", enabled)
        self.inferer = inferer
        self.spread = spread
        self._found: torch.Tensor | None = None

    @property
    def passes(self) -> int:
        """How often the network sees the volume, from which its time and memory are estimated."""
        return VIEWS if self.enabled else 1

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Take a batch of one voxel size, `(B, C, X, Y, Z)`, to logits `(B, K, X, Y, Z)`."""
        self._found = None
        if not self.enabled:
            return self.inferer(inputs, network, *args, **kwargs)
        spread = Spread() if self.spread else None
        total: torch.Tensor | None = None
        for view, back in views(inputs):
            found = self.inferer(view, network, *args, **kwargs)
            del view  # nothing of a view is kept while another copy is made
            return_freed_memory()
            logits = back(found)  # (B, K, X, Y, Z)
            del found
            return_freed_memory()
            if spread is not None:
                spread.add(logits)
            total = logits if total is None else total.add_(logits)
            del logits
        assert total is not None  # there are eight views
        total /= VIEWS
        self._found = None if spread is None else spread.deviation()  # (B, 1, X, Y, Z)
        del spread
        return_freed_memory()
        if isinstance(inputs, MetaTensor):
            return MetaTensor(total).copy_meta_from(inputs, copy_attr=False)
        return total

    def take_spread(self) -> torch.Tensor | None:
        """Return how far the views of the last volume differ, once.

        Returns:
            `(B, 1, X, Y, Z)`, the standard deviation of the probability of vessel; None if it was not asked for, or was
            taken before.
        """
        found, self._found = self._found, None
        return found


def views(image: torch.Tensor) -> Iterator[tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]]:
    """Yield the eight in-plane turns and flips of a volume, each with what turns a result back.

    The first is the volume as it is.

    Args:
        image: `(B, C, X, Y, Z)`, with its affine if it is a `MetaTensor`.
    """
    affine = np.asarray(image.affine, dtype=float).reshape(-1, 4, 4)[0] if isinstance(image, MetaTensor) else np.eye(4)
    across = through_plane_axis(affine)
    first, second = (axis + 2 for axis in range(3) if axis != across)  # of (B, C, X, Y, Z)
    for swapped, *flipped in product((False, True), repeat=3):
        axes = [axis for axis, turned in zip((first, second), flipped, strict=True) if turned]
        order = list(range(5))
        if swapped:
            order[first], order[second] = second, first
        yield _view(image, axes, order), _back(axes, order)


def _view(image: torch.Tensor, flipped: list[int], order: list[int]) -> torch.Tensor:
    """Flip, then swap the axes; of the affine only the voxel sizes count, so flips leave it."""
    if not flipped and order == sorted(order):
        return image
    bare = image.as_tensor() if isinstance(image, MetaTensor) else image
    turned = bare.flip(flipped).permute(order).contiguous()  # (B, C, turned)
    if not isinstance(image, MetaTensor):
        return turned
    columns = [*(axis - 2 for axis in order[2:]), 3]
    # a dictionary of its own, for the affine stands in it; MONAI warns of one that is there already
    meta = {key: value for key, value in image.meta.items() if key != MetaKeys.AFFINE}
    return MetaTensor(turned, affine=image.affine[..., columns], meta=meta)


def _back(flipped: list[int], order: list[int]) -> Callable[[torch.Tensor], torch.Tensor]:
    def turn(result: torch.Tensor) -> torch.Tensor:
        bare = result.as_tensor() if isinstance(result, MetaTensor) else result
        return bare.permute(order).flip(flipped)  # (B, K, X, Y, Z), a copy; a swap is its own inverse

    return turn
