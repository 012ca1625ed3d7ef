"""Count a volume's voxels once, for all scores of voxels.

These are Dice, precision, recall, the volume error, AUROC, average precision and the calibration error. Voxels are
ranked by their *log-odds*, which still differ where probabilities have saturated at 0 or 1. A bin of the histogram is
the set of 32-bit floats that share their leading bits, so it is as fine, relatively, at log-odds of 20 as at 0.01, and
no range has to be chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from monai.utils import convert_to_tensor
from scipy.integrate import trapezoid

from scripts.core import foreground_log_odds, planes_per_slab, segmentation_of

from .calibration import Reliability

BIN_BITS = 28  # sign, exponent and 19 bits of mantissa: a bin spans 0.0002 % of its log-odds
THRESHOLD_BITS = 20  # thresholds are sought on a coarser grid, 0.05 %, that can be held whole
THRESHOLDS = 1 << THRESHOLD_BITS

Integers = npt.NDArray[np.int64]


@dataclass
class VoxelHistogram:
    """How many voxels of the background and of vessels there are at which predicted log-odds.

    Attributes:
        bins: `(B,)` int32, those that are not empty, ascending in log-odds.
        voxels: `(2, B)` int64, the number of voxels in each bin: of the background, then of vessels.
    """

    bins: npt.NDArray[np.int32]
    voxels: Integers

    @classmethod
    def of(cls, log_odds: torch.Tensor, vessel: torch.Tensor) -> VoxelHistogram:
        """Sort voxels into bins.

        Args:
            log_odds: `(N,)` float32, predicted.
            vessel: `(N,)` bool, labelled.
        """
        bits = (log_odds + 0.0).view(torch.int32)  # (N,); + 0.0 turns -0.0 into 0.0, its equal but not its neighbour
        bits ^= (bits >> 31) & 0x7FFFFFFF  # the integers now sort as the floats do
        keys = ((bits >> (32 - BIN_BITS)) << 1) | vessel  # the last bit tells vessel from background
        # numpy sorts, which it does in vector registers
        values, numbers = np.unique(keys.cpu().numpy(), return_counts=True)  # (V,), (V,): B <= V <= 2 B
        bins = values >> 1  # (V,), a bin with voxels of both kinds twice
        place = np.cumsum(np.diff(bins, prepend=bins[:1]) != 0)  # (V,)
        bins = bins[np.diff(place, prepend=-1) != 0]  # (B,)
        voxels = np.zeros((2, len(bins)), dtype=np.int64)
        voxels[values & 1, place] = numbers
        return cls(bins, voxels)

    def __add__(self, other: VoxelHistogram) -> VoxelHistogram:
        """Return the histogram of both sets of voxels together."""
        # asked for counts too, numpy sorts, which is faster here than the hash table of its union1d
        bins, _ = np.unique(np.concatenate((self.bins, other.bins)), return_counts=True)
        voxels = np.zeros((2, len(bins)), dtype=np.int64)
        for part in (self, other):
            voxels[:, np.searchsorted(bins, part.bins)] += part.voxels
        return VoxelHistogram(bins, voxels)

    def log_odds(self) -> npt.NDArray[np.float64]:
        """Return the log-odds of each bin, `(B,)`: of all that fall into it, those nearest to 0."""
        bits = self.bins << np.int32(32 - BIN_BITS)  # (B,)
        bits |= (bits >> 31) & ((1 << (32 - BIN_BITS)) - 1)  # the highest of a negative bin
        return (bits ^ ((bits >> 31) & 0x7FFFFFFF)).view(np.float32).astype(np.float64)

    def above(self) -> tuple[Integers, Integers]:
        """Return false and true positives at every threshold, from the highest down.

        Returns:
            `(B + 1,)` each: where nothing is predicted to be vessel, then the highest bin, then the next one too ...
        """
        false, true = np.pad(self.voxels[:, ::-1].cumsum(axis=1), ((0, 0), (1, 0)))
        return false, true

    def auroc(self) -> float:
        """Return the area under the ROC curve; NaN where all voxels are of one kind."""
        false, true = self.above()
        if not false[-1] or not true[-1]:
            return float("nan")
        return float(trapezoid(true / true[-1], false / false[-1]))

    def average_precision(self) -> float:
        """Return the average precision; NaN where there is no vessel.

        It is the sum over thresholds of the precision times the gain in recall.
        """
        false, true = self.above()
        if not true[-1]:
            return float("nan")
        return float((true[1:] / (true[1:] + false[1:]) * np.diff(true)).sum() / true[-1])

    def dice_curve(self) -> npt.NDArray[np.float64]:
        """Return Dice at each threshold of the coarse grid, `(THRESHOLDS,)`.

        At one of them, vessel is what lies in that bin or above it.
        """
        coarse = (self.bins >> (BIN_BITS - THRESHOLD_BITS)) + THRESHOLDS // 2
        false, true = (
            np.bincount(coarse, weights=row, minlength=THRESHOLDS)[::-1].cumsum()[::-1] for row in self.voxels
        )  # (THRESHOLDS,) each
        dice: npt.NDArray[np.float64] = 2 * true / np.maximum(true + false + true[0], 1)
        return dice


def overlap_score(score: str, both: int, labelled: int, segmented: int) -> float:
    """Return a score that follows from numbers of voxels; what is undefined is NaN.

    The volume error is |segmented - labelled| / labelled, without its sign, so that too much in one volume and too
    little in another do not cancel in the mean; which it is, precision and recall tell.

    Args:
        score: `dice`, `precision`, `recall` or `volume_error`.
        both: voxels of vessel in label and segmentation.
        labelled: voxels of vessel in the label.
        segmented: voxels of vessel in the segmentation.
    """
    over, under = {
        "dice": (2 * both, labelled + segmented),
        "precision": (both, segmented),
        "recall": (both, labelled),
        "volume_error": (abs(segmented - labelled), labelled),
    }[score]
    return over / under if under else float("nan")


@dataclass
class VolumeCounts:
    """All that scores of voxels need to know of one volume's labelled voxels.

    Attributes:
        vessels: vessel of any class against the background.
        classes: each vessel class against the rest, K - 1 of them; `[vessels]` where there is but one.
        confusion: `(K, K)` int64, voxels by the class of the label (rows) and of the segmentation (columns).
    """

    KEY: ClassVar[str] = "counts"
    SCORES: ClassVar[tuple[str, ...]] = (
        *("dice", "precision", "recall", "auroc", "average_precision"),
        *("volume_error", "expected_calibration_error"),
    )

    vessels: VoxelHistogram
    classes: list[VoxelHistogram]
    confusion: Integers

    @classmethod
    def of(
        cls, logits: torch.Tensor, label: torch.Tensor, threshold: float = 0.5, predicted: torch.Tensor | None = None
    ) -> VolumeCounts:
        """Count the labelled voxels (`label >= 0`).

        Args:
            logits: `(K, X, Y, Z)`, background first.
            label: `(1, X, Y, Z)`, class indices below K, negative where not labelled.
            threshold: probability above which a voxel is vessel (`scripts.core.apply_threshold`).
            predicted: `(1, X, Y, Z)`, class indices, if they are not those of the threshold alone.
        """
        if predicted is None:
            predicted = segmentation_of(convert_to_tensor(logits, track_meta=False), threshold)  # (1, X, Y, Z)
        arrays = (convert_to_tensor(array, track_meta=False) for array in (logits, label, predicted))
        thickness = planes_per_slab(label)
        slabs = zip(*(array.split(thickness, dim=1) for array in arrays), strict=True)
        # one after the other, so that the histograms of all slabs are never held at once
        return reduce(add, (cls._of_slab(*slab) for slab in slabs))

    @classmethod
    def _of_slab(cls, logits: torch.Tensor, label: torch.Tensor, predicted: torch.Tensor) -> VolumeCounts:
        """Count a part of a volume; arguments are those of `of`."""
        classes = len(logits)
        logits, label, predicted = logits.flatten(1), label.flatten(), predicted.flatten()  # (K, N), (N,), (N,)
        if (label < 0).any():
            at = (label >= 0).nonzero().flatten()  # (labelled,): several times as fast as a mask
            logits, label = logits[:, at], label[at]  # (K, labelled), (labelled,)
            predicted = predicted[at]  # (labelled,)
        confusion = torch.bincount(label.int() * classes + predicted, minlength=classes**2).reshape(classes, classes)
        vessels = VoxelHistogram.of(foreground_log_odds(logits), label > 0)
        each = [vessels]
        if classes > 2:
            each = [VoxelHistogram.of(foreground_log_odds(logits, c), label == c) for c in range(1, classes)]
        return cls(vessels, each, confusion.cpu().numpy())

    def __add__(self, other: VolumeCounts) -> VolumeCounts:
        """Return the counts of both sets of voxels together."""
        vessels = self.vessels + other.vessels
        each = [vessels]
        if len(self.classes) > 1:
            each = [one + two for one, two in zip(self.classes, other.classes, strict=True)]
        return VolumeCounts(vessels, each, self.confusion + other.confusion)

    def scores(self, score: str) -> list[float]:
        """Return one of `SCORES` for each vessel class; what is undefined is NaN."""
        if score in ("auroc", "average_precision"):
            return [getattr(histogram, score)() for histogram in self.classes]
        if score == "expected_calibration_error":
            return [Reliability.of(histogram).error() for histogram in self.classes]
        both, labelled, segmented = self.confusion.diagonal(), self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        counts = zip(both[1:], labelled[1:], segmented[1:], strict=True)  # (K - 1,) each
        return [overlap_score(score, *map(int, of_class)) for of_class in counts]
