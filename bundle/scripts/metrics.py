"""Voxel-wise scores of a segmentation: AUROC, average precision, Dice, all from one tally of each volume.

Scores are taken from *log-odds*, so predictions saturated at 0 or 1 still rank. A bin is the set of 32-bit floats that
share their leading bits, hence as fine, relatively, at log-odds of 20 as at 0.01: no range has to be chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import zip_longest
from operator import add
from typing import Any

import ignite.distributed as idist
import numpy as np
import torch
from monai.metrics import CumulativeIterationMetric
from monai.utils import convert_to_tensor
from scipy.integrate import trapezoid

BIN_BITS = 28  # sign, exponent and 19 bits of mantissa: a bin spans 0.0002 % of its log-odds
THRESHOLD_BITS = 20  # thresholds are sought on a coarser grid, 0.05 %, that can be held whole
THRESHOLDS = 1 << THRESHOLD_BITS
SLAB = 1 << 23  # voxels tallied at a time, so that what is computed on the way stays small


def foreground_log_odds(logits: torch.Tensor, channel: int | None = None) -> torch.Tensor:
    """Log-odds of being vessel of any class, or of one class.

    Args:
        logits: ``(K, ...)``, background first.
        channel: one class against the rest; None sets every vessel class against the background.

    Returns:
        ``(...)``, float32.
    """
    logits = logits.float()
    if channel is None:
        return _log_sum(logits[1:]) - logits[0]
    return logits[channel] - _log_sum(torch.cat((logits[:channel], logits[channel + 1 :])))


def _log_sum(logits: torch.Tensor) -> torch.Tensor:
    return logits[0] if len(logits) == 1 else torch.logsumexp(logits, dim=0)


def call_vessels(probability: torch.Tensor, threshold: float) -> torch.Tensor:
    """Decide each voxel's class: vessel where all vessel classes together are likelier than ``threshold``.

    Args:
        probability: ``(K, ...)``, background first.
        threshold: between 0 and 1.

    Returns:
        ``(1, ...)`` uint8, 0 or the likeliest vessel class.
    """
    vessel = probability[1:].sum(dim=0, keepdim=True) > threshold  # (1, ...)
    if len(probability) == 2:
        return vessel.to(torch.uint8)
    likeliest = probability[1:].argmax(dim=0, keepdim=True) + 1  # (1, ...)
    return (vessel * likeliest).to(torch.uint8)


@dataclass
class VoxelHistogram:
    """Counts of background and vessel voxels by predicted log-odds.

    Attributes:
        bins: ``(B,)`` int32, those that are not empty, ascending in log-odds.
        counts: ``(2, B)`` int64, background then vessel.
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
        """False and true positives, ``(B + 1,)`` each, if vessel is nothing, the highest bin, the next too ..."""
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
        """Dice, ``(THRESHOLDS,)``, of calling vessel what lies in a bin of the coarse grid or above it."""
        coarse = (self.bins >> (BIN_BITS - THRESHOLD_BITS)) + THRESHOLDS // 2
        false, true = (
            np.bincount(coarse, weights=row, minlength=THRESHOLDS)[::-1].cumsum()[::-1] for row in self.counts
        )
        return 2 * true / np.maximum(true + false + true[0], 1)


@dataclass
class VolumeTally:
    """All that the scores need to know of one volume's labelled voxels.

    Attributes:
        vessels: vessel of any class against the background.
        classes: each vessel class against the rest, K - 1 of them; ``[vessels]`` where there is but one.
        confusion: ``(K, K)`` int64, voxels by the class of the label (rows) and of the segmentation (columns).
    """

    vessels: VoxelHistogram
    classes: list[VoxelHistogram]
    confusion: np.ndarray

    @classmethod
    def of(cls, logits: torch.Tensor, label: torch.Tensor, threshold: float = 0.5) -> VolumeTally:
        """Tally the labelled voxels (``label >= 0``).

        Args:
            logits: ``(K, X, Y, Z)``, background first.
            label: ``(1, X, Y, Z)``, class indices below K.
            threshold: of the segmentation (:func:`call_vessels`).
        """
        logits, label = (convert_to_tensor(array, track_meta=False) for array in (logits, label))
        thickness = max(1, SLAB // max(1, label[0, 0].numel()))
        slabs = zip(logits.split(thickness, dim=1), label.split(thickness, dim=1), strict=True)
        # one after the other, so that the histograms of all slabs are never held at once
        return reduce(add, (cls._of_slab(*slab, threshold) for slab in slabs))

    @classmethod
    def _of_slab(cls, logits: torch.Tensor, label: torch.Tensor, threshold: float) -> VolumeTally:
        classes = len(logits)
        called = call_vessels(torch.softmax(logits.float(), dim=0), threshold)  # (1, X, Y, Z)
        logits, label, called = logits.flatten(1), label.flatten(), called.flatten()  # (K, N), (N,), (N,)
        if (label < 0).any():
            at = (label >= 0).nonzero().flatten()  # (labelled,): several times as fast as a mask
            logits, label, called = logits[:, at], label[at], called[at]  # (K, labelled), (labelled,), (labelled,)
        confusion = torch.bincount(label.int() * classes + called, minlength=classes**2).reshape(classes, classes)
        vessels = VoxelHistogram.of(foreground_log_odds(logits), label > 0)
        each = [vessels]
        if classes > 2:
            each = [VoxelHistogram.of(foreground_log_odds(logits, c), label == c) for c in range(1, classes)]
        return cls(vessels, each, confusion.cpu().numpy())

    def __add__(self, other: VolumeTally) -> VolumeTally:
        """Tally of both sets of voxels."""
        vessels = self.vessels + other.vessels
        each = [vessels]
        if len(self.classes) > 1:
            each = [one + two for one, two in zip(self.classes, other.classes, strict=True)]
        return VolumeTally(vessels, each, self.confusion + other.confusion)

    def scores(self, score: str) -> list[float]:
        """Return a score of :attr:`VoxelScores.NAMES` for each vessel class; what is undefined is NaN."""
        if score in ("auroc", "average_precision"):
            return [getattr(histogram, score)() for histogram in self.classes]
        hit, real, called = self.confusion.diagonal(), self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        over, under = {"dice": (2 * hit, real + called), "precision": (hit, called), "recall": (hit, real)}[score]
        return [float(a / b) if b else float("nan") for a, b in zip(over[1:], under[1:], strict=True)]


def gather_volumes(mine: list) -> list:
    """Return what all processes hold, an item a volume, in the order of the volumes.

    Args:
        mine: of n processes, process r scores volumes r, r + n and so on; without processes, all there is.
    """
    missing = object()
    rounds = zip_longest(*idist.all_gather(mine), fillvalue=missing) if idist.get_world_size() > 1 else [mine]
    return [item for one in rounds for item in one if item is not missing]


class TallyMetric(CumulativeIterationMetric):
    """A MONAI metric over tallies, which :class:`scripts.transforms.TallyVoxelsd` adds to the data.

    Its handler takes ``from_engine(["tally", "label"])``: MONAI wants a pair, and the label is in the tally already.
    """

    def row(self, tally: VolumeTally) -> list[float]:
        """What to keep of a volume, a number a column."""
        raise NotImplementedError

    def _compute_list(self, y_pred: Sequence[VolumeTally], y: Any = None, **_: Any) -> torch.Tensor:  # type: ignore[override]
        """One row a volume: ``(B, columns)``."""
        return torch.tensor([self.row(tally) for tally in y_pred], dtype=torch.float64)

    def _compute_tensor(self, y_pred: torch.Tensor, y: Any = None, **_: Any) -> torch.Tensor:  # type: ignore[override]
        raise ValueError(f"{type(self).__name__} reads tallies, not tensors: use from_engine(['tally', 'label'])")

    def get_buffer(self) -> torch.Tensor:
        """All rows, ``(volumes, columns)``, in the order of the volumes; MONAI's own has them process by process."""
        return torch.stack(gather_volumes(self._buffers[0] if self._buffers else []))


class VoxelScores(TallyMetric):
    """One score of every volume and vessel class, and its mean.

    The mean is that over the classes of their means over the volumes; what is undefined (recall of a volume without
    vessel, say) is left out of it.

    Args:
        score: one of :attr:`NAMES`.

    Raises:
        ValueError: for another name.
    """

    NAMES = ("dice", "precision", "recall", "auroc", "average_precision")

    def __init__(self, score: str) -> None:
        super().__init__()
        if score not in self.NAMES:
            raise ValueError(f"score must be one of {', '.join(self.NAMES)}, got {score!r}")
        self.score = score

    def row(self, tally: VolumeTally) -> list[float]:
        """Score each vessel class."""
        return tally.scores(self.score)

    def aggregate(self) -> torch.Tensor:
        """Mean over the volumes, then over the classes, for which the score is defined."""
        return torch.nanmean(torch.nanmean(self.get_buffer(), dim=0))


class BestThreshold(TallyMetric):
    """The probability above which calling vessel, of any class, gives the highest mean Dice over the volumes.

    It lies a little below the least probability to call vessel: in 32 bits, a voxel's last bits are not certain.
    Volumes without vessel are left out, and without any other it is NaN. A volume's row is the best threshold for it
    alone.
    """

    def reset(self) -> None:
        """Forget the volumes so far."""
        super().reset()
        self._sum = torch.zeros(THRESHOLDS, dtype=torch.float64)  # of Dice curves: together they would not fit

    def row(self, tally: VolumeTally) -> list[float]:
        """Add a volume's Dice curve, which is 0 throughout where there is no vessel."""
        curve = torch.from_numpy(tally.vessels.dice_curve())
        self._sum += curve
        return [_best_of(curve)]

    def aggregate(self) -> torch.Tensor:
        """Where the sum of the curves, and so their mean, is highest."""
        return torch.tensor(_best_of(idist.all_reduce(self._sum.clone())), dtype=torch.float64)


class BestDice(TallyMetric):
    """The highest mean Dice over the volumes that a threshold gives: how good weights are as they will be used.

    With several vessel classes each has a threshold of its own, and the score is their mean. A volume without a class
    is left out of that class's; a volume's row is its own best Dice in each.
    """

    def reset(self) -> None:
        """Forget the volumes so far."""
        super().reset()
        self._sums: list[torch.Tensor] = []  # of Dice curves, and how many, a class each
        self._volumes: list[int] = []

    def row(self, tally: VolumeTally) -> list[float]:
        """Add a volume's Dice curves, which are 0 throughout where a class is missing."""
        curves = [torch.from_numpy(histogram.dice_curve()) for histogram in tally.classes]
        there = [bool(histogram.counts[1].any()) for histogram in tally.classes]
        if not self._sums:
            self._sums, self._volumes = [torch.zeros_like(curve) for curve in curves], [0] * len(curves)
        for number, curve in enumerate(curves):
            self._sums[number] += curve
            self._volumes[number] += there[number]
        return [float(curve.max()) if known else float("nan") for curve, known in zip(curves, there, strict=True)]

    def aggregate(self) -> torch.Tensor:
        """Mean over the classes that some volume holds."""
        classes = idist.all_reduce(len(self._sums), "MAX")  # of a process without volumes there are none
        volumes = torch.tensor(self._volumes or [0] * classes, dtype=torch.float64)
        sums = torch.stack(self._sums) if self._sums else torch.zeros(classes, THRESHOLDS, dtype=torch.float64)
        volumes, sums = idist.all_reduce(volumes), idist.all_reduce(sums)  # (classes,), (classes, THRESHOLDS)
        return (sums.amax(dim=1) / volumes).nanmean()


def _best_of(curve: torch.Tensor) -> float:
    """Probability at the lower edge of the highest bin where a curve over the coarse grid is highest."""
    if not curve.any():
        return float("nan")
    highest = THRESHOLDS - 1 - int(curve.flip(0).argmax())
    bits = torch.tensor((highest - THRESHOLDS // 2) << (32 - THRESHOLD_BITS), dtype=torch.int64).to(torch.int32)
    edge = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).view(torch.float32)
    return float(torch.sigmoid(edge.double())) * (1 - 2**-21)
