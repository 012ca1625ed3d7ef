"""Check the command line of `monai.bundle run`; MONAI would accept `--epoch 1` silently."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fire.parser import DefaultParseValue

from ..errors import refuse
from ..flags import nearest, read_flag, refuse_unknown
from ..options import check_option
from .files import MAX_DEPTH, check_overlays, config_names, is_too_deep, load_config, merge_configs, put
from .ids import check_id

TRACKING_PACKAGES = ("mlflow", "sqlalchemy", "alembic")
"""MLflow, and what its local store, an SQLite file, needs."""

TRACKED = ("tracking", "tracking_uri", "experiment_name", "run_name", "save_execute_config")
"""What MONAI takes for `--tracking mlflow`."""

MONAI_ARGUMENTS = frozenset(
    (
        *("run_id", "init_id", "final_id", "meta_file", "config_file", "logging_file", "args_file"),
        *("workflow_type", "properties_path"),
        *TRACKED,
    )
)
"""What `monai.bundle run` itself takes; listed here, because MONAI takes seconds to import."""


def check_overrides(argv: Sequence[str] | None = None) -> None:
    """Check the options of a `monai.bundle run` command; any other command passes.

    Args:
        argv: the command line; by default that of this process.

    Raises:
        UserError: for a name that neither the configs nor MONAI know, a value of the wrong kind, or a config that
            cannot be used.
    """
    argv = sys.argv if argv is None else argv
    given = _given(argv)
    if "run" in argv and "args_file" in given:
        given = {**load_config(given["args_file"]), **given}
    if "run" not in argv or "config_file" not in given:
        return
    files = config_names(given["config_file"])
    check_tracking(given.get("tracking"))
    config = merge_configs(files)
    known = set(config) | MONAI_ARGUMENTS
    used = {str(value) for name, value in given.items() if name.endswith("_id")}
    check_overlays(files, config, MONAI_ARGUMENTS, used)
    for name, text in given.items():
        value = _read_value(name, text)
        if "#" in name or "::" in name:
            check_id(f"--{name}", name, config)
            put(f"--{name}", name.lstrip("+"), value, config)
            continue
        _check_writes_there(name, text, config)
        top = name.lstrip("+")
        if top not in known:
            refuse_unknown(f"--{name}", "there is no such option", top, known, "docs/reference/options.md lists them")
        check_option(name, text, config.get(top))
        if top in config:
            config[top] = value


def _read_value(name: str, text: Any) -> Any:
    """Return the value of an option as fire reads it, if it is not nested too deep."""
    try:
        value = DefaultParseValue(text) if isinstance(text, str) else text
        deep = is_too_deep(value)
    except (RecursionError, MemoryError):  # Python's own parser gives up
        value, deep = None, True
    if deep:
        refuse(f"--{name}", f"its value is nested deeper than {MAX_DEPTH} levels", "give a flatter one")
    return value


def check_tracking(tracking: Any) -> None:
    """Check that the value of `--tracking` can be used.

    Raises:
        UserError: for `mlflow` if it is not installed, and for a value that is neither `mlflow` nor a file.
    """
    # MONAI Label writes the default out as "None" for several GPUs
    if isinstance(tracking, str) and tracking not in ("None", "mlflow") and not Path(tracking).is_file():
        remedy = f"did you mean --tracking {near}?" if (near := nearest(tracking, ["mlflow"])) else "name one of these"
        refuse(f"--tracking {tracking}", "is neither mlflow nor a file of settings", remedy)
    needed = TRACKING_PACKAGES if tracking == "mlflow" else ()
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        remedy = "pip install -r requirements/tracking.txt, or 'tubenet[tracking]'"
        refuse("--tracking mlflow", f"{', '.join(missing)} not installed", remedy)


def _given(argv: Sequence[str]) -> dict[str, Any]:
    """Return the options of a command line, given as `--name value` or `--name=value`."""
    given: dict[str, Any] = {}
    for word, after in zip(argv, [*argv[1:], ""], strict=True):
        if flag := read_flag(word):
            name, value = flag
            given[name] = after if value is None else value
    return given


def _check_writes_there(name: str, value: Any, config: Mapping[str, Any]) -> None:
    """Refuse a folder that the command would not write to, although its config has that name."""
    if name == "output_dir" and config.get(name) == "$@ckpt_dir":  # only MONAI's tracking uses it
        refuse(f"--output_dir {value}", "training writes into --ckpt_dir", "give that")
    if name == "ckpt_dir" and "decision_threshold" in config:
        refuse(f"--ckpt_dir {value}", "evaluation trains nothing", "name the weights by --ckpt_path")
