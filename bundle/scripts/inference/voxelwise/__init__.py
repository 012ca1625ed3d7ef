"""Classifiers of voxels beside the network, taught by the volume itself or by fine-tuning."""

from .adapt import IN_BLOCK, OF_DESCRIBED, AdaptedInferer, described_at
from .taught import TaughtInferer, average, classified, steps_of

__all__ = [
    "IN_BLOCK",
    "OF_DESCRIBED",
    "AdaptedInferer",
    "TaughtInferer",
    "average",
    "classified",
    "described_at",
    "steps_of",
]
