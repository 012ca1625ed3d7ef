"""The command `label`: start MONAI Label with this bundle."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from scripts.core import refuse
from scripts.monailabel import HOST, prepare_app, server_command, server_environment


def serve(studies: str | Path, app: str | Path = "label", port: int = 8000) -> None:
    """Start MONAI Label with this bundle, to label and fine-tune in 3D Slicer or OHIF.

    The server can be reached from this machine alone. It runs until it is stopped (Ctrl-C).

    Args:
        studies: the folder of images, where labels go into `labels/final/`; or http://ADDRESS of a DICOMweb server,
            which OHIF needs.
        app: the folder of the app, with a copy of the bundle whose weights training replaces; it is made if it does not
            exist.
        port: port of the server, which is http://127.0.0.1:PORT.

    Raises:
        UserError: if the folder of images or MONAI Label is missing; if `app` holds something else, or cannot be
            written; if the port is in use.
    """
    if not str(studies).startswith(("http://", "https://")):
        studies = Path(studies).resolve()
        if not studies.is_dir():
            refuse(studies, "no such folder", "give --studies, a folder of images", FileNotFoundError)
    with socket.socket() as trial:
        # as the server does, so that one that has just ended does not block the port
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except (OSError, OverflowError, TypeError) as error:
            refuse(f"--port {port}", f"cannot be listened on ({error})", "give another --port", OSError)
    command = server_command(prepare_app(app, can_import("torchvision")), studies, port)
    os.execve(command[0], command, server_environment())


def can_import(module: str) -> bool:
    """Tell whether a module can be imported.

    It is tried in another process, because a failed import leaves broken modules behind.
    """
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0
