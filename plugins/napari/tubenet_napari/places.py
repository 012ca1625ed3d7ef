"""Where sessions lie, and what their files call other files, so that they are found when a folder was moved."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from scripts.core import WEIGHTS

FOLDER = "TUBENET_SESSIONS"  # variable of the environment
SHIPPED = "shipped"  # the weights of the bundle, wherever that is installed
PLACE = WEIGHTS.parts[-2:]  # in the bundle


def sessions_folder() -> Path:
    """Return the folder that sessions are in: `~/tubenet-sessions`, or what TUBENET_SESSIONS names."""
    return Path(os.environ.get(FOLDER) or Path.home() / "tubenet-sessions").absolute()


def with_written_paths(told: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what a session says with its paths as they are written: from its folder, if they are inside of it."""

    def written(path: str) -> str:
        if path == str(WEIGHTS):
            return SHIPPED
        return Path(path).relative_to(folder).as_posix() if Path(path).is_relative_to(folder) else path

    return _with_paths(told, written)


def with_found_paths(told: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what the file of a session says with its paths as they are to be opened.

    Raises:
        KeyError, TypeError, ValueError, IndexError, AttributeError: for what no session has written.
    """

    def found(path: str) -> str:
        inside = folder / path
        # earlier versions wrote where the shipped weights lay, which another environment does not have
        if path == SHIPPED or (inside.is_absolute() and inside.parts[-2:] == PLACE and not inside.exists()):
            return str(WEIGHTS)
        # and paths from where the viewer was started, if TUBENET_SESSIONS was one
        return str(inside if inside.exists() or not Path(path).exists() else Path(path).absolute())

    return _with_paths(told, found)


def _with_paths(told: dict[str, Any], change: Any) -> dict[str, Any]:
    """Return what a session says, with each path changed."""
    blocks = {
        name: {**each, "segmentations": {version: change(path) for version, path in each["segmentations"].items()}}
        for name, each in told["blocks"].items()
    }
    weights = [{**each, "path": change(each["path"])} for each in told["weights"]]
    return {**told, "volume": change(told["volume"]), "blocks": blocks, "weights": weights}
