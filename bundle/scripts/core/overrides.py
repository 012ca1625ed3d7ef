"""Dials of the command line: refuse a mistyped one (MONAI would accept `--epoch 1` and change nothing), read flags."""

from __future__ import annotations

import difflib
import inspect
import json
import re
import sys
from collections.abc import Sequence
from typing import Any

from monai.bundle import ConfigParser, ConfigWorkflow
from monai.bundle import run as bundle_run

from .options import _check_kind, check_tracking

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
