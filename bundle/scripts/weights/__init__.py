"""Weights and their sidecar: read, checked, loaded, saved, averaged, published, exported. Start at `checkpoint.py`."""

from .average import average_weights
from .checkpoint import (
    beside,
    checked_sidecar,
    load_weights,
    normalisation_of,
    provenance,
    read_sidecar,
    save_weights,
    sidecar_path,
)
from .publish import publish

__all__ = [
    "average_weights",
    "beside",
    "checked_sidecar",
    "load_weights",
    "normalisation_of",
    "provenance",
    "publish",
    "read_sidecar",
    "save_weights",
    "sidecar_path",
]
