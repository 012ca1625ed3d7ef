"""Experiment tracking by MONAI's own switch, `--tracking mlflow`: what it needs, and one thing put right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from monai.handlers import MLFlowHandler

SUM_AS_TEXT = re.compile(r"^(.*) \+ '(/config_\d+_\d+\.json)'$")


def find_saved_config(handlers: Iterable[Any]) -> None:
    """Let MONAI's MLflow handlers find the config that MONAI has saved for them.

    Where `output_dir` is a plain path, as on a command line, and not an expression, they are told to log the file
    `PATH + '/config_TIME.json'`, those very characters, and say nothing when there is none.

    Args:
        handlers: of an engine, whatever they are.
    """
    for handler in handlers:
        if isinstance(handler, MLFlowHandler):
            handler.artifacts = tuple(SUM_AS_TEXT.sub(r"\1\2", str(path)) for path in handler.artifacts if path)
