"""Options of the command line: reading their values, and which values they take."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
from fire.parser import DefaultParseValue

AUTO = "auto"

MIN_VALUES = {
    **dict.fromkeys(("epochs", "iterations_per_epoch", "batch_size", "val_interval", "patience", "frozen_epochs"), 1),
    **dict.fromkeys(("per_volume", "validation_volumes"), 1),
    **dict.fromkeys(("num_workers", "seed"), 0),
}

SEVERAL = ("dataset_dir", "test_dir", "val_dir")
MAY_BE_NONE = ("patience", "frozen_epochs")

RANGES = {
    "threshold": (0, 1),
    "redraw": (0, 1),
    "rotation": (0, 45),  # degrees; the margin around a patch holds no more
    "zoom": (1, 4),  # below 1 a patch would show what lies outside the image
    "learning_rate": (0, 1),
    "average": (1e-6, 0.999),
    "learning_rate_decay": (1e-12, 1),
}


def _check_kind(name: str, given: Any, default: Any) -> None:
    value = DefaultParseValue(given) if isinstance(given, str) else given  # as fire reads it, so that 2024 is a number
    if isinstance(value, str) and value.startswith(("$", "@", "%")):  # MONAI's expressions, references and macros
        return
    if value is None and default is not None:
        cure = f"write --{name} '$None'" if name in MAY_BE_NONE else "leave it out, or give a value"
        raise ValueError(f"--{name} {given}: MONAI would pass over it, and nothing would change; {cure}")
    if name.endswith(("_dir", "_path")):
        if isinstance(value, int | float):
            raise ValueError(f"--{name} {given}: is read as a number and not as a path; write ./{given}")
        several = name in SEVERAL and isinstance(value, list | tuple)
        if (value is not None and not (several or isinstance(value, str))) or value in ("", [], ()):
            raise ValueError(f"--{name} {given}: is no path; give one, ./NAME if its name has a comma")
        if several and not all(isinstance(path, str) and path for path in value):
            raise ValueError(f"--{name} {given}: is no list of paths; give one such as \"['A','B']\"")
    elif name in ("unlabelled_value", "channel") and value is not None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError(f"--{name} {given}: is no number; give one such as 1")
    elif name in MIN_VALUES:
        if not isinstance(value, int) or isinstance(value, bool) or value < MIN_VALUES[name]:
            raise ValueError(
                f"--{name} {given}: is no whole number of at least {MIN_VALUES[name]}; give one such as {default}"
            )
    elif name in RANGES and value is not None:
        low, high = RANGES[name]
        if not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"--{name} {given}: is no number from {low} to {high}; give one such as {default or 0.5}")
    elif name == "scale":
        read_scale(value)
    elif name == "patch_size":
        if not isinstance(value, list | tuple) or [type(side) for side in value] != [int] * 3 or min(value) < 1:
            raise ValueError(f'--{name} {given}: is no list of three whole numbers; give one such as "{default}"')
    elif name == "device":
        _check_device(str(value))
    elif isinstance(default, int | float) and not isinstance(default, bool):
        if not isinstance(value, int | float):
            raise ValueError(f"--{name} {given}: is no number; give one such as {default}")
    elif isinstance(default, list) and not isinstance(value, list | tuple):
        raise ValueError(f'--{name} {given}: is no list; give one such as "{default}"')


def _check_device(device: str) -> None:
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise ValueError(f"--device {device}: is no device; write cpu, cuda or cuda:0") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"--device {device}: this machine has no GPU that PyTorch can use; leave --device out")


def flag(name: str, value: bool | str) -> bool:
    """Read a dial that is on or off; the command line gives ``true`` as text.

    Raises:
        ValueError: for anything but true and false.
    """
    if str(value).lower() not in ("true", "false"):
        raise ValueError(f"--{name} must be true or false, got {value!r}")
    return str(value).lower() == "true"


def number(name: str, value: float | str | None) -> float | None:
    """Read a dial that is a number; a viewer of MONAI Label gives it as text, and an empty field as "" or "None".

    Returns:
        The number, or None for None and an empty field.

    Raises:
        ValueError: for anything else.
    """
    if value is None or str(value).strip() in ("", "None"):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"--{name} must be a number, got {value!r}") from None


MIN_SCALE, MAX_SCALE = 0.02, 4.0


def read_scale(value: float | str) -> float | str:
    """Read the dial ``scale``; a viewer of MONAI Label gives a number as text.

    Args:
        value: voxels after over voxels before along the in-plane axes, or ``auto``.

    Raises:
        ValueError: for anything else, or out of range.
    """
    if str(value).strip().lower() == AUTO:
        return AUTO
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not MIN_SCALE <= number <= MAX_SCALE:
        raise ValueError(
            f"--scale {value}: is neither {AUTO} nor a number from {MIN_SCALE:g} to {MAX_SCALE:g}, such as 0.5"
        )
    return number


TRACKING_PACKAGES = ("mlflow", "sqlalchemy", "alembic")
"""MLflow, and what its local store, an SQLite file, takes."""


def check_tracking(tracking: Any) -> None:
    """Check that what ``--tracking`` names can be used.

    Raises:
        ValueError: for `mlflow` where that is not installed, and for what is neither that nor a file.
    """
    # "None" is the default written out, as MONAI Label does for several GPUs
    if isinstance(tracking, str) and tracking not in ("None", "mlflow") and not Path(tracking).is_file():
        raise ValueError(f"--tracking {tracking}: is neither mlflow nor a file of settings; write --tracking mlflow")
    missing = (
        [name for name in TRACKING_PACKAGES if importlib.util.find_spec(name) is None] if tracking == "mlflow" else []
    )
    if missing:
        raise ValueError(
            f"--tracking mlflow: {', '.join(missing)} not installed; pip install -r requirements-tracking.txt"
        )
