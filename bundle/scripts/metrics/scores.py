"""Average the scores of volumes, and find the threshold that suits them all.

The metrics are MONAI's, so its engines take them, and several processes share the volumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, ClassVar, Protocol, TypeVar

import ignite.distributed as idist
import torch
from monai.metrics import CumulativeIterationMetric

from scripts.core import refuse, refuse_unknown

from .centreline import CentrelineCounts
from .counts import THRESHOLD_BITS, THRESHOLDS, VolumeCounts
from .surface import SurfaceCounts
from .topology import TopologyCounts

T = TypeVar("T")


class VolumeStatistics(Protocol):
    """What the metrics need to know about one volume, computed once for all of them.

    Attributes:
        KEY: key under which these statistics are stored in a volume's data dictionary.
        SCORES: names of the scores that the method `scores` can compute.
    """

    KEY: ClassVar[str]
    SCORES: ClassVar[tuple[str, ...]]

    @classmethod
    def of(
        cls, logits: torch.Tensor, label: torch.Tensor, threshold: float, predicted: torch.Tensor | None = None
    ) -> VolumeStatistics:
        """Compute the statistics of a volume.

        Args:
            logits: `(K, X, Y, Z)`, background first, with the affine where it is known.
            label: `(1, X, Y, Z)`, class indices, negative where not labelled.
            threshold: probability above which a voxel is vessel.
            predicted: `(1, X, Y, Z)`, the segmentation, if it is not that of the threshold alone.
        """

    def scores(self, score: str) -> list[float]:
        """Return a score for each vessel class; what is undefined is NaN."""


def gather_volumes(mine: list[T]) -> list[T]:
    """Return what all processes hold, an item for each volume, in the order of the volumes.

    Args:
        mine: what this process holds. Of n processes, process r has volumes r, r + n and so on.
    """
    if idist.get_world_size() == 1:
        return list(mine)
    parts: Any = idist.all_gather(mine)
    missing = object()
    return [item for one in zip_longest(*parts, fillvalue=missing) for item in one if item is not missing]


class VolumeMetric(CumulativeIterationMetric):
    """A MONAI metric over volumes, which reads what `PrepareMetricsd` worked out of each.

    Attributes:
        NEEDS: the class of what it reads.
    """

    NEEDS: ClassVar[type[VolumeStatistics]]

    def row(self, volume: Any) -> list[float]:
        """Return what to keep of a volume, a number for each column.

        Args:
            volume: an object of the class `NEEDS`.
        """
        raise NotImplementedError

    def _compute_list(self, y_pred: Sequence[Any], y: Any = None, **_: Any) -> torch.Tensor:  # type: ignore[override]
        """Return a row for each volume: `(B, columns)`."""
        return torch.tensor([self.row(volume) for volume in y_pred], dtype=torch.float64)

    def _compute_tensor(self, y_pred: torch.Tensor, y: Any = None, **_: Any) -> torch.Tensor:
        """Refuse what MONAI's own metrics read."""
        refuse(
            type(self).__name__,
            f"takes the statistics under {self.NEEDS.KEY!r}, not tensors",
            "make its handler by scripts.metrics.handlers",
        )

    def get_buffer(self) -> torch.Tensor:
        """Return one row per volume, in the order of the dataset.

        MONAI would return them grouped by process.

        Returns:
            `(volumes, columns)`.
        """
        return torch.stack(gather_volumes(self._buffers[0] if self._buffers else []))


class ClassScores(VolumeMetric):
    """One score of every volume and vessel class, and its mean.

    The mean is taken over the volumes and then over the classes, and leaves out what is undefined, such as the recall
    of a volume without vessel.

    Args:
        score: one of the `SCORES` of what the metric needs.

    Raises:
        UserError: for another name.
    """

    def __init__(self, score: str) -> None:
        super().__init__()
        if score not in self.NEEDS.SCORES:
            known = f"give one of {', '.join(self.NEEDS.SCORES)}"
            refuse_unknown(f"score {score!r}", "is not known", score.lower(), self.NEEDS.SCORES, known)
        self.score = score

    def row(self, volume: VolumeStatistics) -> list[float]:
        """Score each vessel class."""
        return volume.scores(self.score)

    def aggregate(self) -> torch.Tensor:
        """Return the mean over the volumes, then over the classes, for which the score is defined."""
        return torch.nanmean(torch.nanmean(self.get_buffer(), dim=0))


class VoxelScores(ClassScores):
    """A score of voxels, such as `dice` or `auroc`; `SCORES` of `VolumeCounts` has all."""

    NEEDS = VolumeCounts


class CentrelineScores(ClassScores):
    """A score of centrelines: `cldice`, `centreline_sensitivity` or `length_error`."""

    NEEDS = CentrelineCounts


class SurfaceScores(ClassScores):
    """A score of surfaces: `hausdorff_95` or `surface_dice`."""

    NEEDS = SurfaceCounts


class TopologyScores(ClassScores):
    """A score of topology: `betti0_error` or `betti1_error`."""

    NEEDS = TopologyCounts


class BestThreshold(VolumeMetric):
    """The threshold that gives the highest mean Dice over the volumes.

    Vessel classes are taken together. It lies a little below the lowest probability that is to be vessel, for in 32
    bits a voxel's last bits are not certain. Volumes without vessel are left out; where there are no others, it is NaN.
    A volume's row is the threshold that is best for it alone.
    """

    NEEDS = VolumeCounts

    def reset(self) -> None:
        """Forget the volumes so far."""
        super().reset()  # type: ignore[no-untyped-call]
        self._sum = torch.zeros(THRESHOLDS, dtype=torch.float64)  # of Dice curves: together they would not fit

    def row(self, volume: VolumeCounts) -> list[float]:
        """Add a volume's Dice curve, which is 0 throughout where there is no vessel."""
        curve = torch.from_numpy(volume.vessels.dice_curve())  # (THRESHOLDS,)
        self._sum += curve
        return [_best_of(curve)]

    def aggregate(self) -> torch.Tensor:
        """Return where the sum of the curves, and so their mean, is highest."""
        curve = torch.as_tensor(idist.all_reduce(self._sum.clone()))  # (THRESHOLDS,)
        return torch.tensor(_best_of(curve), dtype=torch.float64)


class BestDice(VolumeMetric):
    """The highest mean Dice over the volumes that a threshold gives.

    It tells how good weights are when each has the threshold that suits it. With several vessel classes each has a
    threshold of its own, and the score is their mean. A volume without a class is left out of that class's mean. A
    volume's row is its own best Dice in each class.
    """

    NEEDS = VolumeCounts

    def reset(self) -> None:
        """Forget the volumes so far."""
        super().reset()  # type: ignore[no-untyped-call]
        self._sums: list[torch.Tensor] = []  # of Dice curves, and how many, a class each
        self._volumes: list[int] = []

    def row(self, volume: VolumeCounts) -> list[float]:
        """Add a volume's Dice curves, which are 0 throughout where a class is missing."""
        curves = [torch.from_numpy(histogram.dice_curve()) for histogram in volume.classes]  # (THRESHOLDS,) each
        there = [bool(histogram.voxels[1].any()) for histogram in volume.classes]
        if not self._sums:
            self._sums, self._volumes = [torch.zeros_like(curve) for curve in curves], [0] * len(curves)
        for number, curve in enumerate(curves):
            self._sums[number] += curve
            self._volumes[number] += there[number]
        return [float(curve.max()) if known else float("nan") for curve, known in zip(curves, there, strict=True)]

    def aggregate(self) -> torch.Tensor:
        """Return the mean over the classes that some volume holds."""
        classes = int(idist.all_reduce(len(self._sums), "MAX"))  # a process without volumes knows of no classes
        volumes = torch.tensor(self._volumes or [0] * classes, dtype=torch.float64)  # (classes,)
        sums = torch.stack(self._sums) if self._sums else torch.zeros(classes, THRESHOLDS, dtype=torch.float64)
        volumes = torch.as_tensor(idist.all_reduce(volumes))  # (classes,)
        sums = torch.as_tensor(idist.all_reduce(sums))  # (classes, THRESHOLDS)
        return (sums.amax(dim=1) / volumes).nanmean()


def _best_of(curve: torch.Tensor) -> float:
    """Return the threshold at which a curve over the coarse grid is highest.

    It is the lower edge of the bin; of several bins that are as high, of the highest.
    """
    if not curve.any():
        return float("nan")
    highest = THRESHOLDS - 1 - int(curve.flip(0).argmax())
    bits = torch.tensor((highest - THRESHOLDS // 2) << (32 - THRESHOLD_BITS), dtype=torch.int64).to(torch.int32)
    edge = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).view(torch.float32)
    return float(torch.sigmoid(edge.double())) * (1 - 2**-21)
