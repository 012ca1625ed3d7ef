"""Floor 0: what every part of the bundle stands on. It imports no other part.

>>> refuse("a.tif", "no such file", "check --dataset_dir", FileNotFoundError)
Traceback (most recent call last):
scripts.core.errors.UserFileNotFoundError: a.tif: no such file; check --dataset_dir
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .boxes import CELL, add_to_cells, block_sides, blocks, common, grown, inside_of, overlap
from .configs import check_overrides
from .conventions import MAX_WHOLE, RESULTS, SEGMENTATION, SPREAD, UNLABELLED, class_names, is_own_output
from .errors import (
    EmptyVolumeError,
    UserError,
    check_all,
    failure_of,
    install_excepthook,
    is_refusal,
    list_failures,
    most_telling,
    one_line,
    refuse,
    refuse_failed,
    refuse_failures,
    report_exception,
)
from .files import (
    alone,
    check_name_length,
    check_regular,
    check_writable,
    is_plain_name,
    make_folder,
    move,
    move_into,
    sha256,
    state_of,
    temporary_folder,
    whole_folder,
    write_text,
    write_together,
    write_whole,
)
from .flags import read_flag, refuse_unknown
from .geometry import (
    AXES,
    Box,
    box_text,
    longest_in_plane_axis,
    parse_region,
    region_box,
    same_grid,
    slices,
    through_plane_axis,
    voxel_size,
)
from .json_file import read_json
from .kinds import AUTO, DEPTH, INT8
from .log import (
    CLOCK,
    LINE,
    Progress,
    about,
    advance,
    by,
    counted,
    duration,
    expect,
    set_up_process,
    size,
    tell_result,
)
from .machine import (
    best_device,
    bfloat16,
    device_name,
    free_memory,
    garbage_left,
    has_float64,
    keep_freed_memory,
    measured_once,
    peak_memory,
    processor,
    return_freed_memory,
)
from .options import DECIDE_TRAINING, OPTIONS, read_boolean, read_channel, read_number, read_scale
from .parts import is_part
from .paths import BUNDLE, CONFIGS, WEIGHTS, version
from .terminal import printable

if TYPE_CHECKING:
    from .logits import apply_threshold, foreground_log_odds, is_finite, planes_per_slab, segmentation_of
    from .pieces import FACES, TOUCHING, Pieces

__all__ = [
    "AUTO",
    "AXES",
    "BUNDLE",
    "CELL",
    "CLOCK",
    "CONFIGS",
    "DECIDE_TRAINING",
    "DEPTH",
    "FACES",
    "INT8",
    "LINE",
    "MAX_WHOLE",
    "OPTIONS",
    "RESULTS",
    "SEGMENTATION",
    "SPREAD",
    "TOUCHING",
    "UNLABELLED",
    "WEIGHTS",
    "Box",
    "EmptyVolumeError",
    "Pieces",
    "Progress",
    "UserError",
    "about",
    "add_to_cells",
    "advance",
    "alone",
    "apply_threshold",
    "best_device",
    "bfloat16",
    "block_sides",
    "blocks",
    "box_text",
    "by",
    "check_all",
    "check_name_length",
    "check_overrides",
    "check_regular",
    "check_writable",
    "class_names",
    "common",
    "counted",
    "device_name",
    "duration",
    "expect",
    "failure_of",
    "foreground_log_odds",
    "free_memory",
    "garbage_left",
    "grown",
    "has_float64",
    "inside_of",
    "install_excepthook",
    "is_finite",
    "is_own_output",
    "is_part",
    "is_plain_name",
    "is_refusal",
    "keep_freed_memory",
    "list_failures",
    "longest_in_plane_axis",
    "make_folder",
    "measured_once",
    "most_telling",
    "move",
    "move_into",
    "one_line",
    "overlap",
    "parse_region",
    "peak_memory",
    "planes_per_slab",
    "printable",
    "processor",
    "read_boolean",
    "read_channel",
    "read_flag",
    "read_json",
    "read_number",
    "read_scale",
    "refuse",
    "refuse_failed",
    "refuse_failures",
    "refuse_unknown",
    "region_box",
    "report_exception",
    "return_freed_memory",
    "same_grid",
    "segmentation_of",
    "set_up_process",
    "sha256",
    "size",
    "slices",
    "state_of",
    "tell_result",
    "temporary_folder",
    "through_plane_axis",
    "version",
    "voxel_size",
    "whole_folder",
    "write_text",
    "write_together",
    "write_whole",
]


LATE = {
    name: module
    for module, names in {
        "logits": ("apply_threshold", "foreground_log_odds", "is_finite", "planes_per_slab", "segmentation_of"),
        "pieces": ("FACES", "TOUCHING", "Pieces"),
    }.items()
    for name in names
}
"""Names, and the modules that have them, of what needs PyTorch or SciPy; PyTorch takes two seconds to import."""


def __getattr__(name: str) -> Any:
    """Import the decision rule, and the pieces of masks, at their first use."""
    if name in LATE:
        return getattr(import_module(f".{LATE[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
