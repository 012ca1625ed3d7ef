"""One pass over a volume, from which all its voxel-wise scores are computed: AUROC, average precision, Dice.

Scores are taken from *log-odds*, so predictions saturated at 0 or 1 still rank. A bin is the set of 32-bit floats that
share their leading bits, hence as fine, relatively, at log-odds of 20 as at 0.01: no range has to be chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import torch
from monai.utils import convert_to_tensor
from scipy.integrate import trapezoid

from scripts.core import foreground_log_odds, planes_per_slab, segmentation_of

BIN_BITS = 28  # sign, exponent and 19 bits of mantissa: a bin spans 0.0002 % of its log-odds
THRESHOLD_BITS = 20  # thresholds are sought on a coarser grid, 0.05 %, that can be held whole
THRESHOLDS = 1 << THRESHOLD_BITS


@dataclass
class VoxelHistogram:
    """Counts of background and vessel voxels by predicted log-odds.

    Attributes:
        bins: `(B,)` int32, those that are not empty, ascending in log-odds.
        counts: `(2, B)` int64, background then vessel.
    """

    bins: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, log_odds: torch.Tensor, vessel: torch.Tensor) -> VoxelHistogram:
        """Count voxels by their log-odds, float32, and whether they are vessel: two tensors of one shape."""
        bits = (log_odds + 0.0).view(torch.int32)  # + 0.0 turns -0.0 into 0.0, its equal but not its neighbour
        bits ^= (bits >> 31) & 0x7FFFFFFF  # the integers now sort as the floats do
        keys = ((bits >> (32 - BIN_BITS)) << 1) | vessel  # the last bit tells vessel from background
        keys, numbers = np.unique(keys.cpu().numpy(), return_counts=True)  # sorts: numpy does it in vector registers
        bins = keys >> 1
        place = np.cumsum(np.diff(bins, prepend=bins[:1]) != 0)
        bins = bins[np.diff(place, prepend=-1) != 0]
        counts = np.zeros((2, len(bins)), dtype=np.int64)
        counts[keys & 1, place] = numbers
        return cls(bins, counts)

    def __add__(self, other: VoxelHistogram) -> VoxelHistogram:
        """Histogram of both sets of voxels."""
        # asked for counts too, numpy sorts, which is faster here than the hash table of its union1d
        bins, _ = np.unique(np.concatenate((self.bins, other.bins)), return_counts=True)
        counts = np.zeros((2, len(bins)), dtype=np.int64)
        for part in (self, other):
            counts[:, np.searchsorted(bins, part.bins)] += part.counts
        return VoxelHistogram(bins, counts)

    def above(self) -> tuple[np.ndarray, np.ndarray]:
        """False and true positives, `(B + 1,)` each, if vessel is nothing, the highest bin, the next too ..."""
        false, true = np.pad(self.counts[:, ::-1].cumsum(axis=1), ((0, 0), (1, 0)))
        return false, true

    def auroc(self) -> float:
        """Area under the ROC curve; NaN where a class is missing."""
        false, true = self.above()
        if not false[-1] or not true[-1]:
            return float("nan")
        return float(trapezoid(true / true[-1], false / false[-1]))

    def average_precision(self) -> float:
        """Sum over thresholds of precision times the gain in recall; NaN where there is no vessel."""
        false, true = self.above()
        if not true[-1]:
            return float("nan")
        return float((true[1:] / (true[1:] + false[1:]) * np.diff(true)).sum() / true[-1])

    def dice_curve(self) -> np.ndarray:
        """Dice, `(THRESHOLDS,)`, of calling vessel what lies in a bin of the coarse grid or above it."""
        coarse = (self.bins >> (BIN_BITS - THRESHOLD_BITS)) + THRESHOLDS // 2
        false, true = (
            np.bincount(coarse, weights=row, minlength=THRESHOLDS)[::-1].cumsum()[::-1] for row in self.counts
        )
        return 2 * true / np.maximum(true + false + true[0], 1)


@dataclass
class VolumeCounts:
    """All that the scores need to know of one volume's labelled voxels.

    Attributes:
        vessels: vessel of any class against the background.
        classes: each vessel class against the rest, K - 1 of them; `[vessels]` where there is but one.
        confusion: `(K, K)` int64, voxels by the class of the label (rows) and of the segmentation (columns).
    """

    vessels: VoxelHistogram
    classes: list[VoxelHistogram]
    confusion: np.ndarray

    @classmethod
    def of(cls, logits: torch.Tensor, label: torch.Tensor, threshold: float = 0.5) -> VolumeCounts:
        """Count the labelled voxels (`label >= 0`).

        Args:
            logits: `(K, X, Y, Z)`, background first.
            label: `(1, X, Y, Z)`, class indices below K.
            threshold: of the segmentation (`apply_threshold`).
        """
        logits, label = (convert_to_tensor(array, track_meta=False) for array in (logits, label))
        thickness = planes_per_slab(label)
        slabs = zip(logits.split(thickness, dim=1), label.split(thickness, dim=1), strict=True)
        # one after the other, so that the histograms of all slabs are never held at once
        return reduce(add, (cls._of_slab(*slab, threshold) for slab in slabs))

    @classmethod
    def _of_slab(cls, logits: torch.Tensor, label: torch.Tensor, threshold: float) -> VolumeCounts:
        classes = len(logits)
        predicted = segmentation_of(logits, threshold)  # (1, X, Y, Z)
        logits, label, predicted = logits.flatten(1), label.flatten(), predicted.flatten()  # (K, N), (N,), (N,)
        if (label < 0).any():
            at = (label >= 0).nonzero().flatten()  # (labelled,): several times as fast as a mask
            logits, label, predicted = (
                logits[:, at],
                label[at],
                predicted[at],
            )  # (K, labelled), (labelled,), (labelled,)
        confusion = torch.bincount(label.int() * classes + predicted, minlength=classes**2).reshape(classes, classes)
        vessels = VoxelHistogram.of(foreground_log_odds(logits), label > 0)
        each = [vessels]
        if classes > 2:
            each = [VoxelHistogram.of(foreground_log_odds(logits, c), label == c) for c in range(1, classes)]
        return cls(vessels, each, confusion.cpu().numpy())

    def __add__(self, other: VolumeCounts) -> VolumeCounts:
        """Count of both sets of voxels."""
        vessels = self.vessels + other.vessels
        each = [vessels]
        if len(self.classes) > 1:
            each = [one + two for one, two in zip(self.classes, other.classes, strict=True)]
        return VolumeCounts(vessels, each, self.confusion + other.confusion)

    def scores(self, score: str) -> list[float]:
        """Return a score of `VoxelScores.NAMES` for each vessel class; what is undefined is NaN."""
        if score in ("auroc", "average_precision"):
            return [getattr(histogram, score)() for histogram in self.classes]
        hit, real, predicted = self.confusion.diagonal(), self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        over, under = {"dice": (2 * hit, real + predicted), "precision": (hit, predicted), "recall": (hit, real)}[score]
        return [float(a / b) if b else float("nan") for a, b in zip(over[1:], under[1:], strict=True)]
