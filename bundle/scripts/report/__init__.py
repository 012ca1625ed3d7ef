"""Pictures and numbers for a person to look at: slices, curves, an evaluation."""

from .curves import overlay_curves, write_curves
from .evaluation import run_evaluation
from .figure import pixels_of
from .slices import MOST_PATCHES, fullest_slice, patch_grid, slice_figure, slice_panel

__all__ = [
    "MOST_PATCHES",
    "fullest_slice",
    "overlay_curves",
    "patch_grid",
    "pixels_of",
    "run_evaluation",
    "slice_figure",
    "slice_panel",
    "write_curves",
]
