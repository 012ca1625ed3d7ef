"""Classifiers of single voxels that help the network: taught by the volume itself, or by fine-tuning."""

from .adapt import IN_BLOCK, OF_DESCRIBED, AdaptedInferer, described_blocks
from .taught import TaughtInferer, average, classified, steps_of

__all__ = [
    "IN_BLOCK",
    "OF_DESCRIBED",
    "AdaptedInferer",
    "TaughtInferer",
    "average",
    "classified",
    "described_blocks",
    "steps_of",
]
