"""The authors' release as files of Keras 3, in and out; Keras is not needed."""

from .convert import export_weights, import_weights, released_argument

__all__ = [
    "export_weights",
    "import_weights",
    "released_argument",
]
