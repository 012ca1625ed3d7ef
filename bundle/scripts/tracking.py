"""Experiment tracking by MONAI's own switch, ``--tracking mlflow``: what it needs, and one thing put right."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from monai.handlers import MLFlowHandler

NEEDED = ("mlflow", "sqlalchemy", "alembic")
"""MLflow, and what its local store, an SQLite file, takes."""
SUM_AS_TEXT = re.compile(r"^(.*) \+ '(/config_\d+_\d+\.json)'$")


def check_tracking(tracking: Any) -> None:
    """Check that what ``--tracking`` names can be used.

    Raises:
        ValueError: for `mlflow` where that is not installed, and for what is neither that nor a file.
    """
    # "None" is the default written out, as MONAI Label does for several GPUs
    if isinstance(tracking, str) and tracking not in ("None", "mlflow") and not Path(tracking).is_file():
        raise ValueError(f"--tracking {tracking}: is neither mlflow nor a file of settings; write --tracking mlflow")
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None] if tracking == "mlflow" else []
    if missing:
        raise ValueError(
            f"--tracking mlflow: {', '.join(missing)} not installed; pip install -r requirements-tracking.txt"
        )


def find_saved_config(handlers: Iterable[Any]) -> None:
    """Let MONAI's MLflow handlers find the config that MONAI has saved for them.

    Where ``output_dir`` is a plain path, as on a command line, and not an expression, they are told to log the file
    ``PATH + '/config_TIME.json'``, those very characters, and say nothing when there is none.

    Args:
        handlers: of an engine, whatever they are.
    """
    for handler in handlers:
        if isinstance(handler, MLFlowHandler):
            handler.artifacts = tuple(SUM_AS_TEXT.sub(r"\1\2", str(path)) for path in handler.artifacts if path)
