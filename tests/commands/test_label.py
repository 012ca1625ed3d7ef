"""Starting MONAI Label: what is checked before; the server itself is in tests/server."""

import socket
import sys

import pytest

from scripts.commands.label import can_import, serve
from scripts.monailabel import server_command
from tests.helpers.label_app import found_monai_label
from tests.monailabel.dicomweb.web_answers import answering_with


@pytest.fixture
def installed(tmp_path, monkeypatch):
    return found_monai_label(tmp_path / "prefix", monkeypatch)


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
    ((program, words, environment),) = started
    assert program == sys.executable
    assert words == server_command(tmp_path / "app", installed, port)
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_dicomweb_server_has_to_answer(installed, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr("os.execve", lambda *words: started.append(words))
    with answering_with() as (address, _):
        serve(address, tmp_path / "app", port=0)
    (words,) = [words for _, words, _ in started]
    assert words[words.index("--studies") + 1] == address
    with pytest.raises(OSError, match="cannot be reached, or breaks off; check that it runs"):
        serve(address, tmp_path / "other", port=0)
    assert not (tmp_path / "other").exists()


def test_other_machines_need_a_token(installed, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr("os.execve", lambda *words: started.append(words))
    monkeypatch.delenv("TUBENET_TOKEN", raising=False)
    with pytest.raises(
        ValueError, match=r"--host 0\.0\.0\.0: other machines could reach it.*add --token; make one with"
    ):
        serve(installed, tmp_path / "app", host="0.0.0.0")
    with pytest.raises(ValueError, match="--token: is not 16 or more letters, digits and signs"):
        serve(installed, tmp_path / "app", host="0.0.0.0", token="too short")
    assert not (tmp_path / "app").exists()
    with pytest.raises(OSError, match=r"--host 192\.0\.2\.1 --port 0: cannot be listened on .*give another --host or"):
        serve(installed, tmp_path / "app", port=0, host="192.0.2.1", token="a token of its own".replace(" ", "-"))
    serve(installed, tmp_path / "app", port=0, host="0.0.0.0", token="on-the-command-line")
    monkeypatch.setenv("TUBENET_TOKEN", "from-the-environment")
    serve(installed, tmp_path / "app", port=0, host="0.0.0.0")
    (_, words, first), (_, _, second) = started
    assert words[words.index("--host") + 1] == "0.0.0.0"
    assert "on-the-command-line" not in words  # which every user of the machine can see
    assert (first["TUBENET_TOKEN"], second["TUBENET_TOKEN"]) == ("on-the-command-line", "from-the-environment")
    assert (first["TUBENET_HOST"], second["TUBENET_HOST"]) == ("0.0.0.0", "0.0.0.0")
