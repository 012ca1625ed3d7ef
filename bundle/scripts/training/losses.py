"""Losses that MONAI lacks: for labelled voxels only, and the paper's cross-entropy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from scripts.core import UNLABELLED, refuse


class LabelledVoxelsLoss(nn.Module):
    """Apply a loss to the labelled voxels only (`label >= 0`).

    Each patch's labelled voxels are gathered into a list, so the loss is exactly that of the labelled part, and its
    gradient elsewhere is exactly 0. This suits losses that treat voxels one by one or in sums (cross-entropy, Dice,
    focal), not those that look at neighbourhoods. The result is the mean over the patches with labelled voxels, or 0 if
    there are none.

    Args:
        loss: function that averages over logits `(B, K, ...)` and class indices `(B, 1, ...)`.

    Shapes:
        logits `(B, K, X, Y, Z)`, label `(B, 1, X, Y, Z)` to a scalar.
    """

    def __init__(self, loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Average the loss over the patches that have labelled voxels."""
        labelled = label >= 0
        if labelled.all():
            return self.loss(logits, label)
        losses = [
            self.loss(logits[b][:, mask[0]][None], label[b][:, mask[0]][None])  # (1, K, N), (1, 1, N)
            for b, mask in enumerate(labelled)
            if mask.any()
        ]
        return torch.stack(losses).mean() if losses else 0.0 * logits.sum()

    def divisor(self, label: torch.Tensor) -> torch.Tensor:
        """Count the patches that the loss averages over, for `scripts.training.GlobalLoss`."""
        return (label >= 0).flatten(1).any(dim=1).sum()


class WeightedCrossEntropyLoss(nn.Module):
    """Weighted categorical cross-entropy (WCCE) of the tUbe net paper, ignoring voxels with -1.

    Args:
        weights: one weight for each class, background first; the paper's best are `(1, 7)`.

    Shapes:
        logits `(B, K, X, Y, Z)`, label `(B, 1, X, Y, Z)` to a scalar, the mean weighted by class.

    Raises:
        UserError: if the weights are not positive and finite, or not one for each channel of the logits.
    """

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__()
        weight = torch.as_tensor(weights, dtype=torch.float32)
        if weight.ndim != 1 or len(weight) < 2 or not (torch.isfinite(weight) & (weight > 0)).all():
            refuse(
                f"--class_weights {weights}",
                "are not two or more positive numbers",
                "give one for each class, background first",
            )
        self.register_buffer("weight", weight)

    def forward(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Average the cross-entropy of the labelled voxels, weighted by their class."""
        if logits.shape[1] != len(self.weight):
            refuse(
                "--class_weights",
                f"has {len(self.weight)} weights for a network with {logits.shape[1]} classes",
                'give one for each, background first, such as "[1, 7, 7]"',
            )
        target = label.squeeze(1).long()  # (B, X, Y, Z)
        weight = self.weight.to(logits)
        if not (target >= 0).any():
            return 0.0 * logits.sum()
        return F.cross_entropy(logits, target, weight=weight, ignore_index=UNLABELLED)

    def divisor(self, label: torch.Tensor) -> torch.Tensor:
        """Sum the weights of the labelled voxels, which the loss divides by, for `GlobalLoss`."""
        return self.weight.double().to(label.device)[label[label >= 0].long()].sum()


def inverse_frequency_weights(counts: Sequence[int]) -> list[float]:
    """Return weights inversely proportional to class sizes, 1 for the largest (WCCE).

    Args:
        counts: number of labelled voxels of each class in the training set, background first.

    Raises:
        UserError: if a class has no voxel, because its weight would be infinite.
    """
    if any(count <= 0 for count in counts):
        problem = f"a class has no voxels to weigh in inverse proportion, the counts are {list(counts)}"
        remedy = 'use overlays/loss_wcce.json with --class_weights "[1, 7]"'
        refuse("overlays/loss_wcce_inverse.json", problem, remedy)
    return [max(counts) / count for count in counts]
