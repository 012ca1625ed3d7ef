"""A small network that tells a voxel's class from numbers that describe its surroundings."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

HIDDEN = 64  # units of each of the two hidden layers
MAX_HIDDEN = 1024
STORED = "<f4"  # of each number, on whatever machine it is stored


class VoxelClassifier(nn.Module):
    """A perceptron with two hidden layers, and how much it counts beside the network.

    It has some six thousand weights, where `TubeNet` has millions: a few thousand labelled voxels teach it in seconds
    how vessels look in one volume, and what `TubeNet` knows of shapes is averaged with that.

    Args:
        features: numbers that describe a voxel.
        classes: classes, the background first.
        hidden: units of each hidden layer.

    Attributes:
        mean, deviation: `(features,)`, of the voxels that it learnt from; features are scaled by them.
        share: its share in the mean with the network's logits, 0 to 1.

    Shapes:
        features `(N, features)` to logits `(N, classes)`.
    """

    def __init__(self, features: int, classes: int = 2, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.register_buffer("share", torch.tensor(0.5))
        self.first = nn.Linear(features, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Take features to logits."""
        scaled = (features - self.mean) / self.deviation  # (N, features)
        hidden = nn.functional.gelu(self.second(nn.functional.gelu(self.first(scaled))))  # (N, hidden)
        logits: torch.Tensor = self.last(hidden)  # (N, classes)
        return logits

    def stated(self) -> dict[str, Any]:
        """Return it as the sidecar of weights holds it: sizes, share, and its numbers in base64."""
        numbers = torch.cat([value.detach().float().reshape(-1) for value in self._numbers()]).numpy()
        return {
            "features": self.first.in_features,
            "classes": self.last.out_features,
            "hidden": self.first.out_features,
            "share": float(self.share),
            "numbers": base64.b64encode(numbers.astype(STORED).tobytes()).decode("ascii"),
        }

    def _numbers(self) -> list[torch.Tensor]:
        return [self.mean, self.deviation, *self.parameters()]

    @classmethod
    def from_stated(cls, stated: object, features: int, classes: int) -> VoxelClassifier | None:
        """Return the voxel classifier that a sidecar states; None if it states none.

        Args:
            stated: what `stated` returned; without `numbers`, or None, there is none.
            features: numbers that describe a voxel, as this version computes them.
            classes: of the network that it helps.

        Raises:
            ValueError: if it is of other features or classes, or no classifier at all.
        """
        if stated is None or (isinstance(stated, Mapping) and "numbers" not in stated):
            return None
        if not isinstance(stated, Mapping):
            raise ValueError("it is not one")
        if (stated.get("features"), stated.get("classes")) != (features, classes):
            raise ValueError(f"it is not one of {features} numbers a voxel and {classes} classes")
        hidden, share = stated.get("hidden"), stated.get("share")
        if type(hidden) is not int or not 0 < hidden <= MAX_HIDDEN:
            raise ValueError("its hidden layers are of another form")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ValueError("its share is not a number between 0 and 1")
        made = cls(features, classes, hidden)
        wanted = [value.numel() for value in made._numbers()]
        try:
            stored = base64.b64decode(stated["numbers"], validate=True)
        except (TypeError, ValueError):
            raise ValueError("its numbers are not base64") from None
        if len(stored) != np.dtype(STORED).itemsize * sum(wanted):
            raise ValueError("it has too few numbers or too many")
        numbers = torch.from_numpy(np.frombuffer(stored, STORED).astype(np.float32))
        with torch.no_grad():
            for value, own in zip(made._numbers(), numbers.split(wanted), strict=True):
                value.copy_(own.view_as(value))
            made.share.fill_(share)
        if not numbers.isfinite().all() or not (made.deviation > 0).all():
            raise ValueError("its numbers are out of range")
        return made.eval()
