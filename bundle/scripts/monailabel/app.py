"""The bundle in MONAI Label: an app folder with a copy of the bundle, and its server."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from scripts.core import BUNDLE, refuse, whole_folder
from scripts.io import SUFFIXES

MODEL = "tubenet"
HOST = "127.0.0.1"
CARRIED = ("configs", "docs", "models", "scripts", "LICENSE")

# MONAI Label imports torchvision, which lacks these two operators if it was built for another version of PyTorch
MISSING_OPERATORS = """import torch

for name in ("nms", "qnms"):
    torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

"""


def prepare_app(app: str | Path, torchvision_works: bool) -> Path:
    """Make an app folder for MONAI Label: its `monaibundle` app, with a copy of this bundle.

    An existing app is left as it is, with the weights trained in it.

    Args:
        app: the folder to make.
        torchvision_works: whether torchvision can be imported; if not, the app defines the operators that it lacks.

    Returns:
        Absolute path of the folder.

    Raises:
        UserError: if MONAI Label is not installed, or the folder holds something else or cannot be written.
    """
    app = Path(app).resolve()
    if (app / "model" / MODEL / "configs" / "metadata.json").is_file():
        if (there := _version(app / "model" / MODEL)) != _version(BUNDLE):
            print(f"{app}: keeps version {there} of the bundle; for {_version(BUNDLE)} give another --app")
        return app
    if app.exists() and any(app.iterdir()):
        refuse(app, "holds something else than a MONAI Label app", "give a new folder by --app", FileExistsError)
    sample = Path(sys.prefix) / "monailabel" / "sample-apps" / "monaibundle"
    if not sample.is_dir():
        refuse(sample, "MONAI Label is not there", "pip install -r requirements/monailabel.txt", FileNotFoundError)
    leave_out = shutil.ignore_patterns("__pycache__", "logs", "model")
    with whole_folder(app) as unfinished:
        shutil.copytree(sample, unfinished, ignore=leave_out, dirs_exist_ok=True)
        for name in CARRIED:
            source, target = BUNDLE / name, unfinished / "model" / MODEL / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target, ignore=leave_out) if source.is_dir() else shutil.copy(source, target)
        if not torchvision_works:
            main = unfinished / "main.py"
            main.write_text(MISSING_OPERATORS + main.read_text())
    return app


def _version(bundle: Path) -> str:
    return json.loads((bundle / "configs" / "metadata.json").read_text())["version"]


def server_command(app: Path, studies: Path | str, port: int) -> list[str]:
    """Return the command that starts MONAI Label, reachable from this machine only."""
    where = ["--app", str(app), "--studies", str(studies), "--host", HOST, "--port", str(port)]
    conf = {"models": MODEL, "zoo_source": "local", "sam2": "false"}
    return [
        *(sys.executable, "-m", "monailabel.main", "start_server"),
        *where,
        *(word for name, value in conf.items() for word in ("--conf", name, value)),
    ]


def server_environment() -> dict[str, str]:
    """Return this process's environment with the variables that MONAI Label reads."""
    own = {
        # MONAI Label uses the last suffix that matches, so .ome.tif has to come after .tif
        "MONAI_LABEL_DATASTORE_FILE_EXT": json.dumps([f"*{suffix}" for suffix in sorted(SUFFIXES, key=len)]),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONPATH": "",  # so that only the bundle in the app is imported
        # with several GPUs it runs `torchrun`, which must be found even if the environment is not activated
        "PATH": os.pathsep.join(filter(None, (str(Path(sys.executable).parent), os.environ.get("PATH")))),
    }
    return {**os.environ, **own}
