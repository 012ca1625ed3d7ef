"""Are suggested blocks worth more than blocks by chance, or at even distances, for as many labelled voxels?"""

from .loop import run_suggest

__all__ = ["run_suggest"]
