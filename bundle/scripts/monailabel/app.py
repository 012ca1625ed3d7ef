"""The bundle in MONAI Label: an app folder with a copy of the bundle in it, and the server that runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.core import BUNDLE
from scripts.io import SUFFIXES

MODEL = "tubenet"
HOST = "127.0.0.1"
CARRIED = ("configs", "docs", "models", "scripts", "LICENSE")

# MONAI Label imports torchvision, two of whose operators a build for another PyTorch than the one installed lacks
MISSING_OPERATORS = """import torch

for name in ("nms", "qnms"):
    torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

"""


def prepare_app(app: str | Path) -> Path:
    """Make the folder of a MONAI Label app: its ``monaibundle`` app, with a copy of this bundle.

    A folder that is one already is left as it is, with the weights trained in it.

    Args:
        app: the folder.

    Returns:
        The folder.

    Raises:
        FileNotFoundError: where MONAI Label is not installed.
        FileExistsError: for a folder that holds something else.
        OSError: where it cannot be written.
    """
    app = Path(app).resolve()
    if (app / "model" / MODEL / "configs" / "metadata.json").is_file():
        if (there := _version(app / "model" / MODEL)) != _version(BUNDLE):
            print(f"{app}: keeps version {there} of the bundle; for {_version(BUNDLE)} give another --app")
        return app
    if app.exists() and any(app.iterdir()):
        raise FileExistsError(f"{app}: holds something else than a MONAI Label app; give a new folder by --app")
    sample = Path(sys.prefix) / "monailabel" / "sample-apps" / "monaibundle"
    if not sample.is_dir():
        raise FileNotFoundError(f"{sample}: MONAI Label is not there; pip install -r requirements-monailabel.txt")
    app.parent.mkdir(parents=True, exist_ok=True)
    unfinished = app.with_name(f".{app.name}.{os.getpid()}.part")
    try:
        leave_out = shutil.ignore_patterns("__pycache__", "logs", "model")
        shutil.copytree(sample, unfinished, ignore=leave_out)
        for name in CARRIED:
            source, target = BUNDLE / name, unfinished / "model" / MODEL / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target, ignore=leave_out) if source.is_dir() else shutil.copy(source, target)
        if not _is_sound("torchvision"):
            main = unfinished / "main.py"
            main.write_text(MISSING_OPERATORS + main.read_text())
        if app.exists():
            app.rmdir()
        unfinished.replace(app)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return app


def _version(bundle: Path) -> str:
    return json.loads((bundle / "configs" / "metadata.json").read_text())["version"]


def _is_sound(module: str) -> bool:
    # in a process of its own: what a failed import leaves behind would break the next
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


def server_command(app: Path, studies: Path | str, port: int) -> list[str]:
    """Return the command that starts MONAI Label on this machine alone."""
    where = ["--app", str(app), "--studies", str(studies), "--host", HOST, "--port", str(port)]
    conf = {"models": MODEL, "zoo_source": "local", "sam2": "false"}
    return [
        *(sys.executable, "-m", "monailabel.main", "start_server"),
        *where,
        *(word for name, value in conf.items() for word in ("--conf", name, value)),
    ]


def server_environment() -> dict[str, str]:
    """Return this process's environment with what MONAI Label reads from it."""
    own = {
        # it takes the last that fits for a file's suffix: .ome.tif has to stand after .tif
        "MONAI_LABEL_DATASTORE_FILE_EXT": json.dumps([f"*{suffix}" for suffix in sorted(SUFFIXES, key=len)]),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONPATH": "",  # the bundle in the app, and no other
        # with several GPUs it starts torchrun by that name, whether or not the environment is active
        "PATH": os.pathsep.join(filter(None, (str(Path(sys.executable).parent), os.environ.get("PATH")))),
    }
    return {**os.environ, **own}
