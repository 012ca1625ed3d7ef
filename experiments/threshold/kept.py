"""What is kept of a volume to try thresholds on: histograms, which are small and give Dice at any threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from sklearn.isotonic import IsotonicRegression

from experiments.baselines import blurred
from experiments.cleaning_seconds import probabilities
from scripts.core import write_whole
from scripts.transforms import SmoothProbabilityd

EDGES = np.linspace(-12, 12, 1201)
"""Log-odds between which voxels are counted; what lies beyond counts with the outermost."""
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
INTENSITIES = 4096
"""Bins of blurred intensity, between its least and its greatest."""


@dataclass(frozen=True)
class Kept:
    """What thresholds are chosen by, and what they are scored by.

    Attributes:
        found: `(1200,)`, voxels by smoothed log-odds between `EDGES`.
        vessel: `(1200,)`, those that are labelled vessel.
        other: `(1200,)`, those that are labelled otherwise.
        intensity: `(4096,)`, voxels by intensity, blurred by one voxel.
        levels: `(4096,)`, the intensity in the middle of each.
        explained: share of the variance of the smoothed probability that blurred intensity alone explains.
    """

    found: np.ndarray
    vessel: np.ndarray
    other: np.ndarray
    intensity: np.ndarray
    levels: np.ndarray
    explained: float

    @property
    def dice(self) -> np.ndarray:
        """Dice at each of the inner `EDGES`, `(1199,)`, which are thresholds."""
        above, wrong = (np.cumsum(each[::-1])[::-1][1:] for each in (self.vessel, self.other))
        return 2 * above / np.maximum(above + wrong + self.vessel.sum(), 1)

    def dice_at(self, threshold: float) -> float:
        """Return Dice at the edge that lies next to a threshold, in log-odds."""
        return float(self.dice[np.abs(EDGES[1:-1] - threshold).argmin()])

    @property
    def best(self) -> float:
        """The threshold of most Dice, in log-odds."""
        return float(EDGES[1:-1][self.dice.argmax()])

    def share_above(self, share: float) -> float:
        """Return the log-odds that a share of all voxels exceeds."""
        above = np.cumsum(self.found[::-1])[::-1] / self.found.sum()
        return float(EDGES[:-1][np.abs(above - share).argmin()])


def keep(image: MetaTensor, log_odds: np.ndarray, label: np.ndarray, smooth: float) -> Kept:
    """Count a volume.

    Args:
        image: `(1, X, Y, Z)`, as the network sees it.
        log_odds: `(X, Y, Z)`, as the network and what comes after it find them.
        label: `(X, Y, Z)`, -1 where nothing is labelled.
        smooth: by how many voxels the probability is smoothed.
    """
    volume = probabilities(log_odds, np.asarray(image.affine))
    probability = SmoothProbabilityd("pred", smooth)({"pred": volume})["pred"][1].double()  # (X, Y, Z)
    bins = np.digitize(torch.logit(probability, eps=1e-12).numpy().ravel(), EDGES[1:-1])  # (N,), 0 to 1199
    flat = label.ravel()
    found, vessel, other = (np.bincount(bins[part], minlength=len(CENTRES)) for part in (flat < 2, flat > 0, flat == 0))
    bright = blurred(image).ravel()
    edges = np.linspace(bright.min(), bright.max(), INTENSITIES + 1)
    which = np.digitize(bright, edges[1:-1])  # (N,), 0 to 4095
    intensity = np.bincount(which, minlength=INTENSITIES)
    levels = (edges[1:] + edges[:-1]) / 2
    explained = _explained(which, intensity, probability.numpy().ravel())
    return Kept(found, vessel, other, intensity, levels, explained)


def _explained(which: np.ndarray, numbers: np.ndarray, probability: np.ndarray) -> float:
    """Return the share of variance that the best rising function of intensity explains."""
    mean = np.bincount(which, probability, INTENSITIES) / np.maximum(numbers, 1)
    rising = IsotonicRegression().fit(np.arange(INTENSITIES), mean, sample_weight=np.maximum(numbers, 1e-9))
    left = np.mean((probability - rising.predict(np.arange(INTENSITIES))[which]) ** 2)
    return float(1 - left / max(probability.var(), np.finfo(float).tiny))


def write_kept(path: Path, kept: Kept) -> None:
    """Write what is kept of a volume."""
    write_whole(path, lambda temporary: np.savez(temporary, **asdict(kept)))


def read_kept(path: Path) -> Kept:
    """Read what was kept of a volume."""
    with np.load(path) as file:
        held: Mapping[str, Any] = dict(file)
    return Kept(**{**held, "explained": float(held["explained"])})
