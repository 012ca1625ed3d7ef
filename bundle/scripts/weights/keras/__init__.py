"""Import and export the authors' Keras 3 weights; Keras itself is not needed."""

from .convert import export_weights, import_weights, released_argument

__all__ = [
    "export_weights",
    "import_weights",
    "released_argument",
]
