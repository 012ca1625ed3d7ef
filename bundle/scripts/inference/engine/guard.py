"""Whether int8 finds the same as float32, tried on windows of the volume at hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from scripts.core import apply_threshold

Network = Callable[[torch.Tensor], torch.Tensor]

MAX_DIFFERENCE = 0.01  # of the probability of vessel, in the mean; of the shipped weights it is 0.002 to 0.004
MIN_AGREEMENT = 0.95  # Dice of the two masks; of the shipped weights it is 0.97 to 0.99
ROUNDS = 4  # of timing, the first of which does not count
FEW = 0.001  # share of vessel below which voxels are too few for their Dice to tell


@dataclass(frozen=True)
class Comparison:
    """What int8 changes.

    Attributes:
        difference: of the probability of vessel, absolute, mean over all voxels.
        agreement: Dice of the two masks.
    """

    difference: float
    agreement: float

    @property
    def is_close(self) -> bool:
        """Whether int8 may stand for float32."""
        return self.difference <= MAX_DIFFERENCE and self.agreement >= MIN_AGREEMENT

    @property
    def text(self) -> str:
        """Both numbers in words."""
        return f"probabilities differ by {self.difference:.2g} in the mean, and the masks' Dice is {self.agreement:.3f}"


def compare(int8: Network, float32: Network, windows: torch.Tensor, threshold: float, at_once: int) -> Comparison:
    """Run both over windows.

    Args:
        int8: the network in int8.
        float32: the same in float32.
        windows: `(N, C, X, Y, Z)`.
        threshold: above which a voxel is vessel.
        at_once: windows that the networks see at a time.
    """
    differences, both, either = 0.0, 0, 0
    for batch in windows.split(at_once):
        found = [torch.softmax(network(batch).float(), dim=1) for network in (int8, float32)]  # (B, K, X, Y, Z) each
        vessel = [each[:, 1:].sum(dim=1) for each in found]  # (B, X, Y, Z) each
        differences += float((vessel[0] - vessel[1]).abs().sum())
        masks = [torch.stack([apply_threshold(one, threshold) for one in each]) for each in found]
        both += int(((masks[0] == masks[1]) & (masks[0] > 0)).sum())
        either += sum(int((mask > 0).sum()) for mask in masks)
    voxels = windows[:, 0].numel()
    few = 2 * FEW * voxels
    agreement = 1 - max(0, either - 2 * both) / max(either, few)
    return Comparison(differences / voxels, agreement)


def times_as_fast(one: Network, other: Network, windows: torch.Tensor) -> float:
    """Return how many times as fast one network is as another, in turns, after a first time.

    Args:
        one: a network.
        other: what it is held against.
        windows: `(B, C, X, Y, Z)`.
    """
    times: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        for network, its in zip((one, other), times, strict=True):
            start = time.perf_counter()
            network(windows)
            its.append(time.perf_counter() - start)
    mine, others = (min(its[1:]) for its in times)
    return others / mine
