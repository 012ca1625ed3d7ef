"""The command `label`: start MONAI Label with this bundle."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from scripts.core import refuse
from scripts.monailabel import (
    HOST,
    TOKEN_VARIABLE,
    check_access,
    check_installed,
    prepare_app,
    server_command,
    server_environment,
)
from scripts.monailabel.dicomweb import DATASTORE, check_server


def serve(
    studies: str | Path,
    app: str | Path = "label",
    port: int = 8000,
    host: str = HOST,
    token: str | None = None,
) -> None:
    """Start MONAI Label with this bundle, to label and fine-tune in 3D Slicer or OHIF.

    By default the server can be reached from this machine alone. It runs until it is stopped (Ctrl-C).

    Args:
        studies: the folder of images, where labels go into `labels/final/`; or http://ADDRESS of a DICOMweb server,
            which OHIF needs. Its user and password are read from MONAI_LABEL_DICOMWEB_USERNAME and
            MONAI_LABEL_DICOMWEB_PASSWORD, or a token from TUBENET_DICOMWEB_TOKEN.
        app: the folder of the app, with a copy of the bundle whose weights training replaces; it is made if it does not
            exist.
        port: port of the server, which is http://127.0.0.1:PORT.
        host: address to listen on, that of this machine in a network or 0.0.0.0 for all of them; other machines reach
            it then, and a token is needed.
        token: secret of 16 or more characters that every request has to come with: the password in 3D Slicer and in a
            browser, with any name. Rather set the variable TUBENET_TOKEN, because others may see a command line.

    Raises:
        UserError: if the folder of images or MONAI Label is missing, or a DICOMweb server does not answer; if `app`
            holds something else, or cannot be written; if the address or port cannot be listened on; if others could
            reach it without a token.
    """
    host, token = str(host), os.environ.get(TOKEN_VARIABLE) if token is None else token
    check_access(host, token)
    if str(studies).startswith(DATASTORE):
        check_installed()
        check_server(str(studies))
    else:
        studies = Path(studies).resolve()
        if not studies.is_dir():
            refuse(studies, "no such folder", "give --studies, a folder of images", FileNotFoundError)
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as trial:
            # as the server does, so that one that has just ended does not block the port
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except (OSError, OverflowError, TypeError) as error:
        where = f"--port {port}" if host == HOST else f"--host {host} --port {port}"
        remedy = f"give another {'--port' if host == HOST else '--host or --port'}"
        refuse(where, f"cannot be listened on ({error})", remedy, OSError)
    app = prepare_app(app, can_import("torchvision"))
    command = server_command(app, studies, port, host)
    os.execve(command[0], command, server_environment(app, host, token))


def can_import(module: str) -> bool:
    """Tell whether a module can be imported.

    It is tried in another process, because a failed import leaves broken modules behind.
    """
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0
