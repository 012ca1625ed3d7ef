"""Scores of a segmentation: of voxels, from counts made once a volume, and of centrelines. Start at `counts.py`."""

from .centreline import CentrelineCounts, centreline
from .counts import VolumeCounts, VoxelHistogram
from .curves import AREAS, KINDS, LEAST_RECALL, RATES, curves_of, mean_curves
from .scores import BestDice, BestThreshold, CentrelineScores, CountsMetric, VoxelScores, gather_volumes
from .transforms import CountCentrelinesd, CountVoxelsd

__all__ = [
    "AREAS",
    "KINDS",
    "LEAST_RECALL",
    "RATES",
    "BestDice",
    "BestThreshold",
    "CentrelineCounts",
    "CentrelineScores",
    "CountCentrelinesd",
    "CountVoxelsd",
    "CountsMetric",
    "VolumeCounts",
    "VoxelHistogram",
    "VoxelScores",
    "centreline",
    "curves_of",
    "gather_volumes",
    "mean_curves",
]
