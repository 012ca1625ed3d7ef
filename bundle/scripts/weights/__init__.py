"""Weights and their sidecar: read, checked, loaded, saved, averaged, published, exported.

    >>> checkpoint = Checkpoint("models/model.pt")
    >>> checkpoint.threshold(), checkpoint.normalisation
    (0.332, {'lower': 0.001, 'upper': 99.999})
    >>> network = checkpoint.as_network()

Start at `checkpoint.py`.
"""

from .average import average_weights
from .checkpoint import MIN_MAX, ROBUST, WITHOUT_WEIGHTS, Checkpoint, save_state, save_weights
from .cleaning import Cleaning, read_cleaning, read_inversion, read_size
from .plain import is_plain, load_plain, read_bytes
from .publish import publish
from .sidecar import TUNED_SHARE, VOXEL_CLASSIFIER, change_sidecar, read_sidecar, sidecar_path

__all__ = [
    "MIN_MAX",
    "ROBUST",
    "TUNED_SHARE",
    "VOXEL_CLASSIFIER",
    "WITHOUT_WEIGHTS",
    "Checkpoint",
    "Cleaning",
    "average_weights",
    "change_sidecar",
    "is_plain",
    "load_plain",
    "publish",
    "read_bytes",
    "read_cleaning",
    "read_inversion",
    "read_sidecar",
    "read_size",
    "save_state",
    "save_weights",
    "sidecar_path",
]
