"""Scores over volumes as MONAI's engines take them: means, not pooled, and the threshold that serves all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import ignite.distributed as idist
import torch
from monai.metrics import CumulativeIterationMetric

from scripts.core import refuse

from .centreline import CentrelineCounts
from .counts import THRESHOLD_BITS, THRESHOLDS, VolumeCounts


def gather_volumes(mine: list) -> list:
    """Return what all processes hold, an item a volume, in the order of the volumes.

    Args:
        mine: of n processes, process r scores volumes r, r + n and so on; without processes, all there is.
    """
    missing = object()
    rounds = zip_longest(*idist.all_gather(mine), fillvalue=missing) if idist.get_world_size() > 1 else [mine]
    return [item for one in rounds for item in one if item is not missing]


class CountsMetric(CumulativeIterationMetric):
    """A MONAI metric over counts, which `scripts.metrics.CountVoxelsd` adds to the data.

    Its handler takes `from_engine(["counts", "label"])`: MONAI wants a pair, and the label is in the counts already.
    """

    KEY = "counts"  # where the counts stand

    def row(self, counts: VolumeCounts) -> list[float]:
        """What to keep of a volume, a number a column."""
        raise NotImplementedError

    def _compute_list(self, y_pred: Sequence[VolumeCounts], y: Any = None, **_: Any) -> torch.Tensor:  # type: ignore[override]
        """One row a volume: `(B, columns)`."""
        return torch.tensor([self.row(counts) for counts in y_pred], dtype=torch.float64)

    def _compute_tensor(self, y_pred: torch.Tensor, y: Any = None, **_: Any) -> torch.Tensor:  # type: ignore[override]
        refuse(type(self).__name__, "reads counts, not tensors", f"use from_engine(['{self.KEY}', 'label'])")

    def get_buffer(self) -> torch.Tensor:
        """All rows, `(volumes, columns)`, in the order of the volumes; MONAI's own has them process by process."""
        return torch.stack(gather_volumes(self._buffers[0] if self._buffers else []))


class VoxelScores(CountsMetric):
    """One score of every volume and vessel class, and its mean.

    The mean is that over the classes of their means over the volumes; what is undefined (recall of a volume without
    vessel, say) is left out of it.

    Args:
        score: one of `NAMES`.

    Raises:
        UserError: for another name.
    """

    NAMES = ("dice", "precision", "recall", "auroc", "average_precision")

    def __init__(self, score: str) -> None:
        super().__init__()
        if score not in self.NAMES:
            refuse(f"score {score!r}", "is not known", f"give one of {', '.join(self.NAMES)}")
        self.score = score

    def row(self, counts: VolumeCounts | CentrelineCounts) -> list[float]:
        """Score each vessel class."""
        return counts.scores(self.score)

    def aggregate(self) -> torch.Tensor:
        """Mean over the volumes, then over the classes, for which the score is defined."""
        return torch.nanmean(torch.nanmean(self.get_buffer(), dim=0))


class CentrelineScores(VoxelScores):
    """clDice or its sensitivity, of every volume and vessel class, and its mean as `VoxelScores` takes it.

    Its handler takes `from_engine(["centrelines", "label"])`, which `scripts.metrics.CountCentrelinesd`
    adds to the data.

    Args:
        score: one of `NAMES`.

    Raises:
        UserError: for another name.
    """

    KEY = "centrelines"
    NAMES = ("cldice", "centreline_sensitivity")


class BestThreshold(CountsMetric):
    """The probability above which calling vessel, of any class, gives the highest mean Dice over the volumes.

    It lies a little below the least probability to call vessel: in 32 bits, a voxel's last bits are not certain.
    Volumes without vessel are left out, and without any other it is NaN. A volume's row is the best threshold for it
    alone.
    """

    def reset(self) -> None:
        """Forget the volumes so far."""
        super().reset()
        self._sum = torch.zeros(THRESHOLDS, dtype=torch.float64)  # of Dice curves: together they would not fit

    def row(self, counts: VolumeCounts) -> list[float]:
        """Add a volume's Dice curve, which is 0 throughout where there is no vessel."""
        curve = torch.from_numpy(counts.vessels.dice_curve())
        self._sum += curve
        return [_best_of(curve)]

    def aggregate(self) -> torch.Tensor:
        """Where the sum of the curves, and so their mean, is highest."""
        return torch.tensor(_best_of(idist.all_reduce(self._sum.clone())), dtype=torch.float64)


class BestDice(CountsMetric):
    """The highest mean Dice over the volumes that a threshold gives: how good weights are as they will be used.

    With several vessel classes each has a threshold of its own, and the score is their mean. A volume without a class
    is left out of that class's; a volume's row is its own best Dice in each.
    """

    def reset(self) -> None:
        """Forget the volumes so far."""
        super().reset()
        self._sums: list[torch.Tensor] = []  # of Dice curves, and how many, a class each
        self._volumes: list[int] = []

    def row(self, counts: VolumeCounts) -> list[float]:
        """Add a volume's Dice curves, which are 0 throughout where a class is missing."""
        curves = [torch.from_numpy(histogram.dice_curve()) for histogram in counts.classes]
        there = [bool(histogram.counts[1].any()) for histogram in counts.classes]
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
