"""Pictures and numbers to look at: slices and projections, curves, scores of an evaluation."""

from .curves import overlay_curves, write_curves
from .evaluation import run_evaluation
from .figure import pixels_of
from .label import vessel_or_not
from .patches import MAX_PATCHES, patch_grid
from .score_table import score_table, write_score_csv
from .slices import fullest_slice, slice_figure, slice_panel
from .theme import theme_of

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
    "theme_of",
    "vessel_or_not",
    "write_curves",
    "write_score_csv",
]
