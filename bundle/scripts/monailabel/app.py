"""The bundle in MONAI Label: an app folder with a copy of the bundle, and its server."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scripts.core import BUNDLE, refuse, sha256, whole_folder
from scripts.io import SUFFIXES

from .request import MODEL

HOST = "127.0.0.1"
HOST_VARIABLE, TOKEN_VARIABLE = "TUBENET_HOST", "TUBENET_TOKEN"
SEARCH_FILTER = "MONAI_LABEL_DICOMWEB_SEARCH_FILTER"
STAND_INS = Path(__file__).parent / "stand_ins"
CARRIED = ("configs", "docs", "models", "scripts", "LICENSE")

# MONAI Label imports torchvision, which lacks these two operators if it was built for another version of PyTorch
MISSING_OPERATORS = """import torch

for name in ("nms", "qnms"):
    torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

"""

MAIN = f'''"""The app that MONAI Label loads. Start it by `python -m scripts label --app` and this folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "model" / "{MODEL}"))

from scripts.monailabel.tubenet_app import TubeNetApp

__all__ = ["TubeNetApp"]
'''


def prepare_app(app: str | Path, torchvision_works: bool) -> Path:
    """Make an app folder for MONAI Label, with a copy of this bundle.

    An existing app is left as it is, with the weights trained in it; if its scripts are not these, a line says so.

    Args:
        app: the folder to make.
        torchvision_works: whether torchvision can be imported; if not, the app defines the operators that it lacks.

    Returns:
        Absolute path of the folder.

    Raises:
        UserError: if MONAI Label is not installed, the folder holds something else or cannot be written, or its app
            is of a version that ran what a request told it to.
    """
    app = Path(app).resolve()
    if (app / "model" / MODEL / "configs" / "metadata.json").is_file():
        if not (app / "model" / MODEL / "scripts" / "monailabel" / "guard.py").is_file():
            problem = "is of a version in which any request could run programs on this machine"
            remedy = f"give a new --app, and copy model/{MODEL}/models into it to keep what was trained"
            refuse(app, problem, remedy, FileExistsError)
        there, here = _version(app / "model" / MODEL), _version(BUNDLE)
        what = f"version {there} of the bundle" if there != here else "another copy of the bundle's scripts than this"
        if there != here or _code(app / "model" / MODEL) != _code(BUNDLE):
            remedy = f"for {here} give another --app, and copy model/{MODEL}/models into it to keep what was trained"
            print(f"{app}: keeps {what}; {remedy}", flush=True)  # the server takes this process's place
        return app
    if app.exists() and any(app.iterdir()):
        refuse(app, "holds something else than a MONAI Label app", "give a new folder by --app", FileExistsError)
    check_installed()
    leave_out = shutil.ignore_patterns("__pycache__", "logs", "model")
    with whole_folder(app) as unfinished:
        for name in CARRIED:
            source, target = BUNDLE / name, unfinished / "model" / MODEL / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target, ignore=leave_out) if source.is_dir() else shutil.copy(source, target)
        (unfinished / "main.py").write_text(MAIN if torchvision_works else MISSING_OPERATORS + MAIN)
    return app


def check_installed() -> None:
    """Check that MONAI Label can be found.

    Raises:
        UserError: if it cannot.
    """
    if find_spec("monailabel") is None:
        remedy = "in an environment of its own, pip install -r requirements/monailabel.txt, or 'tubenet[monailabel]'"
        refuse(sys.executable, "MONAI Label is not installed there", remedy, FileNotFoundError)


def _version(bundle: Path) -> str:
    return json.loads((bundle / "configs" / "metadata.json").read_text())["version"]


def _code(bundle: Path) -> str:
    """Return a hash of a bundle's scripts, their names included."""
    digest = hashlib.sha256()
    for path in sorted((bundle / "scripts").rglob("*.py")):
        digest.update(f"{path.relative_to(bundle).as_posix()}\0{sha256(path)}\0".encode())
    return digest.hexdigest()


def server_command(app: Path, studies: Path | str, port: int, host: str = HOST) -> list[str]:
    """Return the command that starts this bundle's server; by default for this machine alone."""
    where = ["--app", str(app), "--studies", str(studies), "--host", host, "--port", str(port)]
    conf = {"models": MODEL, "zoo_source": "local", "sam2": "false"}
    return [
        *(sys.executable, "-m", "monailabel.main", "start_server", "--uvicorn_app", "scripts.monailabel.server:app"),
        *where,
        *(word for name, value in conf.items() for word in ("--conf", name, value)),
    ]


def server_environment(app: Path, host: str = HOST, token: str | None = None) -> dict[str, str]:
    """Return this process's environment with the variables that the server reads.

    Raises:
        UserError: if the variable that chooses series is no JSON object.
    """
    own = {
        # MONAI Label uses the last suffix that matches, so .ome.tif has to come after .tif
        "MONAI_LABEL_DATASTORE_FILE_EXT": json.dumps([f"*{suffix}" for suffix in sorted(SUFFIXES, key=len)]),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # so that only the bundle in the app is imported
        "PYTHONPATH": os.pathsep.join((str(app / "model" / MODEL), str(STAND_INS))),
        # with several GPUs it runs `torchrun`, which must be found even if the environment is not activated
        "PATH": os.pathsep.join(filter(None, (str(Path(sys.executable).parent), os.environ.get("PATH")))),
        HOST_VARIABLE: host,
    }
    # empty: every kind of volume; MONAI Label's own default is CT, handed on to a training as if somebody had chosen it
    own[SEARCH_FILTER] = json.dumps(_search_filter())
    others = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
    return others | own | ({} if token is None else {TOKEN_VARIABLE: token})


def _search_filter() -> dict[str, Any]:
    given = os.environ.get(SEARCH_FILTER, "").strip() or "{}"
    try:
        chosen = json.loads(given)
    except (ValueError, RecursionError):
        chosen = None
    if not isinstance(chosen, dict):
        refuse(f"{SEARCH_FILTER} {given}", "is not a JSON object", 'write such as {"Modality": "MR"}')
    return chosen
