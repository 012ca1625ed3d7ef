"""Pictures and numbers to look at: slices with outlines, curves, scores of an evaluation."""

from .curves import overlay_curves, write_curves
from .evaluation import run_evaluation
from .figure import pixels_of
from .score_table import score_table, write_score_csv
from .slices import MAX_PATCHES, fullest_slice, patch_grid, slice_figure, slice_panel

__all__ = [
    "MAX_PATCHES",
    "fullest_slice",
    "overlay_curves",
    "patch_grid",
    "pixels_of",
    "run_evaluation",
    "score_table",
    "slice_figure",
    "slice_panel",
    "write_curves",
    "write_score_csv",
]
