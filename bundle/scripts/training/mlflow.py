"""Experiment tracking with MONAI's own option, `--tracking mlflow`: a fix for its artifacts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from monai.handlers import MLFlowHandler

SUM_AS_TEXT = re.compile(r"^(.*) \+ '(/config_\d+_\d+\.json)'$")


def find_saved_config(handlers: Iterable[Any]) -> None:
    """Let MONAI's MLflow handlers find the config that MONAI has saved for them.

    If `output_dir` is a plain path, as on a command line, and not an expression, MONAI tells them to log a file
    literally named `PATH + '/config_TIME.json'`, and they silently skip it because it does not exist.

    Args:
        handlers: all handlers of an engine.
    """
    for handler in handlers:
        if isinstance(handler, MLFlowHandler):
            handler.artifacts = tuple(SUM_AS_TEXT.sub(r"\1\2", str(path)) for path in handler.artifacts if path)
