"""Voxel-wise scores of a segmentation: AUROC, average precision, Dice, from one streaming histogram.

Scores are taken from *log-odds*, so predictions saturated at 0 or 1 still rank. A bin is the set of 32-bit floats that
share their leading bits, hence as fine, relatively, at log-odds of 20 as at 0.01: no range has to be chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from monai.metrics import CumulativeIterationMetric

BIN_BITS = 20  # sign, exponent and 11 bits of mantissa: a bin spans 0.05 % of its log-odds
BINS = 1 << BIN_BITS
SHIFT = 32 - BIN_BITS


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
        return torch.logsumexp(logits[1:], dim=0) - logits[0]
    rest = torch.cat((logits[:channel], logits[channel + 1 :]))
    return logits[channel] - torch.logsumexp(rest, dim=0)


def _bin_of(log_odds: torch.Tensor) -> torch.Tensor:
    bits = (log_odds + 0.0).view(torch.int32)  # + 0.0 turns -0.0 into 0.0, which is its equal but not its neighbour
    ordered = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits)  # the integers now sort as the floats do
    return (ordered >> SHIFT) + BINS // 2


def _lower_edge(index: int) -> float:
    ordered = torch.tensor((index - BINS // 2) << SHIFT, dtype=torch.int64).to(torch.int32)
    return float(torch.where(ordered < 0, ordered ^ 0x7FFFFFFF, ordered).view(torch.float32))


@dataclass
class VoxelHistogram:
    """Counts of background and vessel voxels by predicted log-odds, ascending.

    Attributes:
        counts: ``(2, BINS)`` int64, background then vessel.
    """

    counts: torch.Tensor

    @classmethod
    def of(cls, log_odds: torch.Tensor, label: torch.Tensor) -> VoxelHistogram:
        """Count the labelled voxels (``label >= 0``) of two tensors of one shape."""
        labelled = label >= 0
        index = _bin_of(log_odds[labelled].contiguous()) + BINS * (label[labelled] > 0)
        return cls(torch.bincount(index.long(), minlength=2 * BINS).reshape(2, BINS).cpu())

    def __add__(self, other: VoxelHistogram) -> VoxelHistogram:
        """Histogram of both sets of voxels."""
        return VoxelHistogram(self.counts + other.counts)

    def _above(self) -> tuple[torch.Tensor, torch.Tensor]:
        """False and true positives when bin i and all above are called vessel, from the highest bin down."""
        negative, positive = self.counts.double().flip(1).cumsum(1)
        return negative, positive

    def auroc(self) -> float:
        """Area under the ROC curve; NaN where a class is missing."""
        false, true = self._above()
        if not false[-1] or not true[-1]:
            return float("nan")
        zero = torch.zeros(1, dtype=torch.float64)
        return float(torch.trapezoid(torch.cat((zero, true / true[-1])), torch.cat((zero, false / false[-1]))))

    def average_precision(self) -> float:
        """Sum over thresholds of precision times the gain in recall; NaN where there is no vessel."""
        false, true = self._above()
        if not true[-1]:
            return float("nan")
        precision = true / (true + false).clamp(min=1)
        return float((precision * torch.diff(true, prepend=true.new_zeros(1))).sum() / true[-1])

    def _dice_curve(self) -> torch.Tensor:
        false, true = self._above()
        return 2 * true / (true + false + true[-1]).clamp(min=1)

    def best_threshold(self) -> float:
        """Probability above which calling vessel gives the highest Dice; NaN where there is no vessel.

        It lies a little below the least probability to call vessel: in 32 bits, a voxel's last bits are not certain.
        """
        if not self.counts[1].any():
            return float("nan")
        best = BINS - 1 - int(self._dice_curve().argmax())
        least = torch.sigmoid(torch.tensor(_lower_edge(best), dtype=torch.float64))
        return float(least) * (1 - 2**-21)


def overlap_scores(log_odds: torch.Tensor, label: torch.Tensor, threshold: float = 0.5) -> dict[str, float]:
    """Dice, precision and recall over the labelled voxels, vessel where the probability exceeds ``threshold``.

    What is undefined (no vessel anywhere, say) is NaN.
    """
    labelled = label >= 0
    truth = label[labelled] > 0
    called = log_odds[labelled] > torch.logit(torch.tensor(threshold, dtype=torch.float64)).to(log_odds.device)
    hit, said, real = (int(x.sum()) for x in (truth & called, called, truth))

    def ratio(a: float, b: float) -> float:
        return a / b if b else float("nan")

    return {"dice": ratio(2 * hit, said + real), "precision": ratio(hit, said), "recall": ratio(hit, real)}


class VoxelScores(CumulativeIterationMetric):
    """One score of every volume, averaged over the volumes: a MONAI metric over logits and class indices.

    Args:
        score: one of :attr:`NAMES`.
        threshold: for Dice, precision and recall.

    Raises:
        ValueError: for another name.
    """

    NAMES = ("dice", "precision", "recall", "auroc", "average_precision", "best_threshold")

    def __init__(self, score: str, threshold: float = 0.5) -> None:
        super().__init__()
        if score not in self.NAMES:
            raise ValueError(f"score must be one of {', '.join(self.NAMES)}, got {score!r}")
        self.score = score
        self.threshold = threshold

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Score a batch: logits ``(B, K, X, Y, Z)`` and label ``(B, 1, X, Y, Z)`` to ``(B, 1)``."""
        return torch.tensor([[self._one(logits, label[0])] for logits, label in zip(y_pred, y, strict=True)])

    def _one(self, logits: torch.Tensor, label: torch.Tensor) -> float:
        log_odds = foreground_log_odds(logits)
        if self.score in ("dice", "precision", "recall"):
            return overlap_scores(log_odds, label, self.threshold)[self.score]
        return getattr(VoxelHistogram.of(log_odds, label), self.score)()

    def aggregate(self) -> torch.Tensor:
        """Mean over the volumes for which the score is defined."""
        return torch.nanmean(self.get_buffer())
