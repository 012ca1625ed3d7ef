"""Scores of a segmentation: of voxels, from one tally of each volume, and of centrelines. Start at `tallies.py`."""

from .centrelines import CentrelineTally, centreline
from .scores import BestDice, BestThreshold, CentrelineScores, TallyMetric, VoxelScores, gather_volumes
from .tallies import VolumeTally, VoxelHistogram, call_vessels, foreground_log_odds, segmentation_of

__all__ = [
    "BestDice",
    "BestThreshold",
    "CentrelineScores",
    "CentrelineTally",
    "TallyMetric",
    "VolumeTally",
    "VoxelHistogram",
    "VoxelScores",
    "call_vessels",
    "centreline",
    "foreground_log_odds",
    "gather_volumes",
    "segmentation_of",
]
