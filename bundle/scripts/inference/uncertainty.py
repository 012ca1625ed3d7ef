"""How far several predictions of one volume differ, voxel by voxel, and a file of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor

from scripts.core import planes_per_slab
from scripts.io import SaveVolumed


class Spread:
    """The standard deviation of the probability of vessel over predictions that come one by one.

    Two volumes are kept, however many predictions there are (Welford 1962): the mean so far, and the sum of squared
    distances from it. The deviation is that of the predictions themselves, divided by their number.

    >>> spread = Spread()
    >>> for log_odds in (0.0, 50.0):  # probabilities 0.5 and 1
    ...     spread.add(torch.tensor([0.0, log_odds]).reshape(1, 2, 1, 1, 1))
    >>> spread.deviation().item()
    0.25
    """

    def __init__(self) -> None:
        self.number = 0

    def add(self, logits: torch.Tensor) -> None:
        """Add one prediction, `(B, K, X, Y, Z)`, background first; it is not changed."""
        bare = logits.as_tensor() if isinstance(logits, MetaTensor) else logits
        self.number += 1
        if self.number == 1:
            self.mean, self.squares = (bare.new_zeros(bare[:, :1].shape, dtype=torch.float32) for _ in range(2))
        planes = planes_per_slab(bare[0])
        slabs = (each.split(planes, dim=2) for each in (bare, self.mean, self.squares))
        for slab, mean, squares in zip(*slabs, strict=True):
            # all vessel classes together are what is not background
            probability = 1 - slab.float().softmax(dim=1)[:, :1]  # (B, 1, planes, Y, Z)
            before = probability - mean
            mean += before / self.number
            squares += before * (probability - mean)

    def deviation(self) -> torch.Tensor:
        """Return the standard deviation, `(B, 1, X, Y, Z)`; nothing can be added after."""
        return self.squares.div_(self.number).clamp_(min=0).sqrt_()


class HasSpread(Protocol):
    """An inferer that knows how far its views of the last volume differ."""

    def take_spread(self) -> torch.Tensor | None:
        """Return `(B, 1, X, Y, Z)`, or None."""


class SaveSpreadd(SaveVolumed):
    """Write how far the views of test-time augmentation differ, `NAME_std.EXT`, float32.

    Of a volume that no view was made of, because all its voxels are the same, it is 0.

    Args:
        keys: of the probabilities or logits `(K, X, Y, Z)`, whose grid it has; they are passed on unchanged.
        inferer: ran the network on the volume just now.
        output_dir: the folder, made if it does not exist.
        provenance: what goes into the file's metadata.
    """

    def __init__(
        self, keys: KeysCollection, inferer: HasSpread, output_dir: str, provenance: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(
            keys, output_dir=output_dir, output_postfix="std", output_dtype=np.float32, provenance=provenance
        )
        self.inferer = inferer

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the spread."""
        key = self.first_key(dict(data))
        found, like = self.inferer.take_spread(), data[key]
        spread = torch.zeros_like(torch.as_tensor(like)[:1]) if found is None else found[0].cpu()  # (1, X, Y, Z)
        if isinstance(like, MetaTensor):
            spread = MetaTensor(torch.as_tensor(spread)).copy_meta_from(like, copy_attr=False)
        super().__call__({**data, key: spread})
        return dict(data)
