"""The bundle in MONAI Label: app folder, list of images, active weights, result file."""

from .active_weights import activate, restore_foundation
from .app import HOST, TOKEN_VARIABLE, check_installed, prepare_app, server_command, server_environment
from .datalist import SameStart, is_datalist, schedule, volumes_of
from .guard import check_access
from .request import check_training_request
from .result import WriteResultd

__all__ = [
    "HOST",
    "TOKEN_VARIABLE",
    "SameStart",
    "WriteResultd",
    "activate",
    "check_access",
    "check_installed",
    "check_training_request",
    "is_datalist",
    "prepare_app",
    "restore_foundation",
    "schedule",
    "server_command",
    "server_environment",
    "volumes_of",
]
