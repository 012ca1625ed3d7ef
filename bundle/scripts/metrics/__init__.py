"""Score segmentations by voxels, centrelines, surfaces, pieces and loops, and draw curves.

A config makes a metric by its name. The post-processing works out once a volume what the metrics need, and the handlers
are what MONAI's `SupervisedEvaluator` takes as `key_val_metric` or `additional_metrics`:

    >>> prepare = PrepareMetricsd(keys="pred", label_key="label", metrics=["dice", "cldice"], threshold=0.5)
    >>> list(prepare.needs)
    ['counts', 'centrelines']
    >>> list(handlers(["dice", "cldice"])), list(handlers({"val_dice": "best_dice"}))
    (['dice', 'cldice'], ['val_dice'])

Without an evaluator, on a vessel of two voxels of which one is found; the last voxel is not labelled:

    >>> log_odds = torch.tensor([3.0, -1.0, 1.0, -2.0, 9.0]).reshape(1, 5, 1, 1)
    >>> label = torch.tensor([1, 1, 0, 0, -1]).reshape(1, 5, 1, 1)
    >>> counts = VolumeCounts.of(torch.cat((0 * log_odds, log_odds)), label, threshold=0.5)
    >>> counts.confusion.tolist(), counts.scores("dice"), counts.scores("auroc")
    ([[1, 1], [1, 1]], [0.5], [0.75])

A new metric is a class in a file of its own (`VolumeMetric`), with what it needs (`VolumeStatistics`), and a line in
`registry.py`.
"""

from .calibration import BINS, Reliability
from .centreline import CentrelineCounts, centreline
from .counts import VolumeCounts, VoxelHistogram, overlap_score
from .curves import AREAS, KINDS, MIN_RECALL, RATES, curves_of, mean_curves
from .pair import Pair
from .registry import METRICS, handlers, make_metrics
from .scores import (
    BestDice,
    BestThreshold,
    CentrelineScores,
    ClassScores,
    SurfaceScores,
    TopologyScores,
    VolumeMetric,
    VolumeStatistics,
    VoxelScores,
    gather_volumes,
)
from .surface import SurfaceCounts
from .topology import TopologyCounts
from .transforms import PrepareMetricsd

__all__ = [
    "AREAS",
    "BINS",
    "KINDS",
    "METRICS",
    "MIN_RECALL",
    "RATES",
    "BestDice",
    "BestThreshold",
    "CentrelineCounts",
    "CentrelineScores",
    "ClassScores",
    "Pair",
    "PrepareMetricsd",
    "Reliability",
    "SurfaceCounts",
    "SurfaceScores",
    "TopologyCounts",
    "TopologyScores",
    "VolumeCounts",
    "VolumeMetric",
    "VolumeStatistics",
    "VoxelHistogram",
    "VoxelScores",
    "centreline",
    "curves_of",
    "gather_volumes",
    "handlers",
    "make_metrics",
    "mean_curves",
    "overlap_score",
]
