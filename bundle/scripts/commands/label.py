"""Start MONAI Label with this bundle."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from scripts.core import refuse
from scripts.monailabel import HOST, prepare_app, server_command, server_environment


def serve(studies: str | Path, app: str | Path = "label", port: int = 8000) -> None:
    """Start MONAI Label with this bundle, for 3D Slicer and OHIF, on this machine alone; it runs until it is stopped.

    Args:
        studies: folder of images; labels that are drawn go into `labels/final/` in it. Or http://, a DICOMweb server,
            which OHIF needs.
        app: folder with a copy of the bundle, where training replaces the weights; made if need be.
        port: of the server, http://127.0.0.1:PORT.

    Raises:
        UserError: where the folder of images or MONAI Label is missing.
        UserError: where `app` is another folder.
        UserError: where `app` cannot be written, or the port is in use.
    """
    if not str(studies).startswith(("http://", "https://")):
        studies = Path(studies).resolve()
        if not studies.is_dir():
            refuse(studies, "no such folder", "give --studies, a folder of images", FileNotFoundError)
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server: one that just ended is no bar
        try:
            trial.bind((HOST, port))
        except (OSError, OverflowError, TypeError) as error:
            refuse(f"port {port}", f"cannot be listened on ({error})", "give another --port", OSError)
    command = server_command(prepare_app(app, can_import("torchvision")), studies, port)
    os.execve(command[0], command, server_environment())


def can_import(module: str) -> bool:
    """Whether a module can be imported; tried in another process, for a failed import leaves broken modules behind."""
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0
