"""The voxel classifier that fine-tuning teaches beside the network, in seconds."""

from .fit import Sample, fit_classifier
from .teach import taught_again, teach_voxels

__all__ = ["Sample", "fit_classifier", "taught_again", "teach_voxels"]
