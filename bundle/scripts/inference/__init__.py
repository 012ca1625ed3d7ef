"""How the network runs over a volume of any size, and at which sizes it sees it."""

from .multiscale import AUTO, COARSER, coarser_shapes, shape_at
from .sliding_window import GridInferer, PatchInferer, reach_of_windows

__all__ = [
    "AUTO",
    "COARSER",
    "GridInferer",
    "PatchInferer",
    "coarser_shapes",
    "reach_of_windows",
    "shape_at",
]
