"""Check the command line of `monai.bundle run`; MONAI would accept `--epoch 1` silently."""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from .config_ids import check_id, check_overlays
from .errors import refuse
from .options import check_option, read_flag, refuse_unknown

TRACKING_PACKAGES = ("mlflow", "sqlalchemy", "alembic")
"""MLflow, and what its local store, an SQLite file, needs."""


def check_overrides(argv: Sequence[str] | None = None) -> None:
    """Check the options of a `monai.bundle run` command; any other command passes.

    Args:
        argv: the command line; by default that of this process.

    Raises:
        UserError: for a name that neither the configs nor MONAI know, or a value of the wrong kind.
    """
    from monai.bundle import ConfigParser  # takes a second, which other users of this package should not pay for

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
    known = set(config) | _arguments_of_monai()
    used = {str(value) for name, value in given.items() if name.endswith("_id")}
    check_overlays([files] if isinstance(files, str) else files, config, _arguments_of_monai(), used)
    for name, value in given.items():
        if "#" in name or "::" in name:
            check_id(f"--{name}", name, config)
            continue
        _check_writes_there(name, value, config)
        top = name.lstrip("+")
        if top not in known:
            refuse_unknown(f"--{name}", "there is no such option", top, known, "docs/reference/options.md lists them")
        check_option(name, value, config.get(top))


def check_tracking(tracking: Any) -> None:
    """Check that the value of `--tracking` can be used.

    Raises:
        UserError: for `mlflow` if it is not installed, and for a value that is neither `mlflow` nor a file.
    """
    # MONAI Label writes the default out as "None" for several GPUs
    if isinstance(tracking, str) and tracking not in ("None", "mlflow") and not Path(tracking).is_file():
        refuse(f"--tracking {tracking}", "is neither mlflow nor a file of settings", "write --tracking mlflow")
    needed = TRACKING_PACKAGES if tracking == "mlflow" else ()
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        refuse("--tracking mlflow", f"{', '.join(missing)} not installed", "pip install -r requirements/tracking.txt")


def _given(argv: Sequence[str]) -> dict[str, Any]:
    """Return the options of a command line, given as `--name value` or `--name=value`."""
    given: dict[str, Any] = {}
    for word, after in zip(argv, [*argv[1:], ""], strict=True):
        if flag := read_flag(word):
            name, value = flag
            given[name] = after if value is None else value
    return given


@cache
def _arguments_of_monai() -> frozenset[str]:
    from monai.bundle import ConfigWorkflow, run

    arguments = set(inspect.signature(run).parameters) | set(inspect.signature(ConfigWorkflow).parameters)
    tracked = {"tracking_uri", "experiment_name", "run_name", "save_execute_config"}  # for `--tracking mlflow`
    return frozenset((arguments | tracked) - {"override"})


def _check_writes_there(name: str, value: Any, config: Mapping[str, Any]) -> None:
    """Refuse a folder that the command would not write to, although its config has that name."""
    if name == "output_dir" and config.get(name) == "$@ckpt_dir":  # only MONAI's tracking uses it
        refuse(f"--output_dir {value}", "training writes into --ckpt_dir", "give that")
    if name == "ckpt_dir" and "decision_threshold" in config:
        refuse(f"--ckpt_dir {value}", "evaluation trains nothing", "name the weights by --ckpt_path")
