"""Voxel-wise scores of a segmentation, all from one tally of each volume. Start reading at `tallies.py`."""

from .scores import BestDice, BestThreshold, TallyMetric, VoxelScores, gather_volumes
from .tallies import VolumeTally, VoxelHistogram, call_vessels, foreground_log_odds

__all__ = [
    "BestDice",
    "BestThreshold",
    "TallyMetric",
    "VolumeTally",
    "VoxelHistogram",
    "VoxelScores",
    "call_vessels",
    "foreground_log_odds",
    "gather_volumes",
]
