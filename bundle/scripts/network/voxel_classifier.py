"""A small network that tells a voxel's class from numbers that describe its surroundings."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

HIDDEN = 64  # units of each of the two hidden layers
MAX_HIDDEN = 1024
PREFIX = "voxel_classifier."
"""What the names of its tensors begin with where they lie beside those of a `TubeNet`."""


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


def without_classifier(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors of a state dict that are not a voxel classifier's."""
    return {name: value for name, value in state.items() if not name.startswith(PREFIX)}


def classifier_in(state: Mapping[str, torch.Tensor], features: int, classes: int) -> VoxelClassifier | None:
    """Return the voxel classifier whose tensors lie in a state dict; None if none do.

    Args:
        state: tensors by name.
        features: numbers that describe a voxel, as this version computes them.
        classes: of the network that it helps.

    Raises:
        ValueError: if they are of other features or classes, or no classifier at all.
    """
    own = {name.removeprefix(PREFIX): value.float() for name, value in state.items() if name.startswith(PREFIX)}
    if not own:
        return None
    hidden = len(own["first.bias"]) if own.get("first.bias", torch.empty(())).ndim == 1 else 0
    if not 0 < hidden <= MAX_HIDDEN:
        raise ValueError("its hidden layers are of another form")
    classifier = VoxelClassifier(features, classes, hidden)
    wanted = classifier.state_dict()
    shapes, expected = ({name: value.shape for name, value in each.items()} for each in (own, wanted))
    if shapes != expected:
        raise ValueError(f"it is not one of {features} numbers a voxel and {classes} classes")
    if not (own["deviation"] > 0).all() or not 0 <= own["share"] <= 1:
        raise ValueError("its deviation or share is out of range")
    classifier.load_state_dict(own)
    return classifier.eval()
