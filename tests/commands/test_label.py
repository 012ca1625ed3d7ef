"""Starting MONAI Label: what is checked before; the server itself is in tests/server."""

import socket
import sys

import pytest

from scripts.commands.label import can_import, serve
from scripts.monailabel import server_command
from tests.helpers.label_app import sample_app


@pytest.fixture
def installed(tmp_path, monkeypatch):
    return sample_app(tmp_path / "prefix", monkeypatch)


def test_soundness_is_tried_in_another_process():
    assert can_import("json")
    assert not can_import("no_such_module")


def test_serving(installed, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr("os.execve", lambda *words: started.append(words))
    with pytest.raises(FileNotFoundError, match="no such folder; give --studies"):
        serve(tmp_path / "none", tmp_path / "app")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port}: cannot be listened on .*give another --port"):
            serve(installed, tmp_path / "app", port=port)
        assert not (tmp_path / "app").exists()
    serve(installed, tmp_path / "app", port=port)
    serve("http://127.0.0.1:8042/dicom-web", tmp_path / "app", port=port)
    assert started.pop()[1][7] == "http://127.0.0.1:8042/dicom-web"
    ((program, words, environment),) = started
    assert program == sys.executable
    assert words == server_command(tmp_path / "app", installed, port)
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
