"""Dials of the command line: refuse a mistyped one (MONAI would accept `--epoch 1` and change nothing), read flags."""

from __future__ import annotations

import difflib
import inspect
import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import torch
from fire.parser import DefaultParseValue
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.bundle import run as bundle_run

from scripts.scales import read_scale
from scripts.tracking import check_tracking

LEAST = {
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
MONAIS_OWN = {
    *(set(inspect.signature(bundle_run).parameters) | set(inspect.signature(ConfigWorkflow).parameters)) - {"override"},
    *("tracking_uri", "experiment_name", "run_name", "save_execute_config"),  # of `--tracking mlflow`
}


def _given(argv: Sequence[str]) -> dict[str, Any]:
    """Return the command line's ``--name value`` and ``--name=value``; `-` and `_` are the same to fire."""
    given: dict[str, Any] = {}
    for word, after in zip(argv, [*argv[1:], ""], strict=True):
        if re.match(r"--?[A-Za-z_+]", word):  # fire takes one dash for two
            name, equals, value = word.lstrip("-").partition("=")
            given[name.replace("-", "_")] = value if equals else after
    return given


def check_dials(argv: Sequence[str] | None = None) -> None:
    """Check the dials of a ``monai.bundle run`` command; any other command passes.

    Args:
        argv: the command line; this process's by default.

    Raises:
        ValueError: for a top-level name that neither the configs nor MONAI know, or a value that is no path, number,
            device or list where one is due; what has a ``#`` is MONAI's to check.
    """
    argv = sys.argv if argv is None else argv
    given = _given(argv)
    if "run" in argv and "args_file" in given:
        given = {**ConfigParser.load_config_file(given["args_file"]), **given}
    if "run" not in argv or "config_file" not in given:
        return
    files = given["config_file"]
    if isinstance(files, str) and files.startswith("["):
        files = json.loads(files.replace("'", '"'))
    check_tracking(given.get("tracking"))
    config = ConfigParser.load_config_files(files)
    known = set(config) | MONAIS_OWN
    for name, value in given.items():
        top = name.split("#")[0].split("::")[0].lstrip("+")
        if "#" in name or "::" in name:
            continue
        if name == "output_dir" and config.get(name) == "$@ckpt_dir":  # it is there for MONAI's tracking alone
            raise ValueError(f"--output_dir {value}: training writes into --ckpt_dir; give that")
        if name == "ckpt_dir" and "called_above" in config:
            raise ValueError(f"--ckpt_dir {value}: evaluation trains nothing; name the weights by --ckpt_path")
        if top in known:
            _check_kind(name, value, config.get(top))
            continue
        near = difflib.get_close_matches(top, known, n=1, cutoff=0.5)
        raise ValueError(f"--{name}: there is no such dial" + (f"; did you mean --{near[0]}?" if near else ""))


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
    elif name in LEAST:
        if not isinstance(value, int) or isinstance(value, bool) or value < LEAST[name]:
            raise ValueError(
                f"--{name} {given}: is no whole number of at least {LEAST[name]}; give one such as {default}"
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
