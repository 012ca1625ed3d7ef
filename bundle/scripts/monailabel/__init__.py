"""The bundle in MONAI Label: app folder, list of images, active weights, result file."""

from .active_weights import activate, restore_foundation
from .app import HOST, prepare_app, server_command, server_environment
from .datalist import SameStart, is_datalist, schedule, volumes_of
from .result import WriteResultd

__all__ = [
    "HOST",
    "SameStart",
    "WriteResultd",
    "activate",
    "is_datalist",
    "prepare_app",
    "restore_foundation",
    "schedule",
    "server_command",
    "server_environment",
    "volumes_of",
]
