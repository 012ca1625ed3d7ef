"""The voxel classifier that fine-tuning teaches beside the network, in seconds."""

from .fit import Sample, fit_classifier
from .teach import teach_voxels

__all__ = ["Sample", "fit_classifier", "teach_voxels"]
