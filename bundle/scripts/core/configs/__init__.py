"""Configs and the command line that changes them, read and checked before MONAI takes them."""

from .files import MAX_DEPTH, config_names, load_config, merge_configs
from .ids import RENAMED, split_id
from .overrides import MONAI_ARGUMENTS, check_overrides, check_tracking

__all__ = [
    "MAX_DEPTH",
    "MONAI_ARGUMENTS",
    "RENAMED",
    "check_overrides",
    "check_tracking",
    "config_names",
    "load_config",
    "merge_configs",
    "split_id",
]
