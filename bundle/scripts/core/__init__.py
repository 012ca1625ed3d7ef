"""Floor 0: what every part of the bundle stands on. Imports no other part of it."""

from .conventions import UNLABELLED
from .device import bfloat16
from .errors import VolumeError, install, one_line, refusal, report, telling, told_in_one_line
from .files import check_writable, file_hash, make_folder, write_together, write_whole
from .geometry import (
    AXES,
    Box,
    longest_in_plane_axis,
    region_box,
    same_grid,
    spacing_of,
    through_plane_axis,
    voxel_size,
)
from .logits import call_vessels, foreground_log_odds, planes_per_slab, segmentation_of
from .memory import keep_freed_memory, return_freed_memory
from .options import flag, number, read_scale
from .overrides import check_dials
from .paths import BUNDLE, CONFIGS, WEIGHTS

__all__ = [
    "AXES",
    "BUNDLE",
    "CONFIGS",
    "UNLABELLED",
    "WEIGHTS",
    "Box",
    "VolumeError",
    "bfloat16",
    "call_vessels",
    "check_dials",
    "check_writable",
    "file_hash",
    "flag",
    "foreground_log_odds",
    "install",
    "keep_freed_memory",
    "longest_in_plane_axis",
    "make_folder",
    "number",
    "one_line",
    "planes_per_slab",
    "read_scale",
    "refusal",
    "region_box",
    "report",
    "return_freed_memory",
    "same_grid",
    "segmentation_of",
    "spacing_of",
    "telling",
    "through_plane_axis",
    "told_in_one_line",
    "voxel_size",
    "write_together",
    "write_whole",
]
