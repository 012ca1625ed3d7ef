"""Scores of a segmentation: of voxels, from counts made once a volume, and of centrelines. Start at `counts.py`."""

from .centreline import CentrelineTally, centreline
from .counts import VolumeTally, VoxelHistogram
from .curves import AREAS, KINDS, LEAST_RECALL, RATES, curves_of, mean_curves
from .scores import BestDice, BestThreshold, CentrelineScores, TallyMetric, VoxelScores, gather_volumes
from .transforms import TallyCentrelinesd, TallyVoxelsd

__all__ = [
    "AREAS",
    "KINDS",
    "LEAST_RECALL",
    "RATES",
    "BestDice",
    "BestThreshold",
    "CentrelineScores",
    "CentrelineTally",
    "TallyCentrelinesd",
    "TallyMetric",
    "TallyVoxelsd",
    "VolumeTally",
    "VoxelHistogram",
    "VoxelScores",
    "centreline",
    "curves_of",
    "gather_volumes",
    "mean_curves",
]
