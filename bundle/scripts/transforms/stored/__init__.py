"""Draw patches from volumes that stay on disk: what is read is what is drawn."""

from .cells import VoxelIndices, cells_in, labelled_in
from .fitted import Fitted, fit
from .opened import OpenStoredd, ReadStoredd
from .patches import RandStoredCropd
from .volumes import StoredImage, StoredLabel

__all__ = [
    "Fitted",
    "OpenStoredd",
    "RandStoredCropd",
    "ReadStoredd",
    "StoredImage",
    "StoredLabel",
    "VoxelIndices",
    "cells_in",
    "fit",
    "labelled_in",
]
