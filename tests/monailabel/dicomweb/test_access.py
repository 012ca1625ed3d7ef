"""A DICOMweb server that answers, and every way in which one may not, in one line each."""

import base64
import socket
import threading

import pytest

pytest.importorskip("requests")

from scripts.monailabel.dicomweb import PASSWORD, TOKEN, USER, access, check_server
from tests.monailabel.dicomweb.web_answers import answering_with


def told(address, environment=None):
    with pytest.raises(ValueError, match="; ") as refused:
        check_server(address, environment or {})
    line = str(refused.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(("status", "body"), [(200, b"[]"), (200, b'[{"0020000D": {}}]'), (204, b"")])
def test_one_that_answers(status, body):
    with answering_with(status, body) as (address, seen):
        check_server(address, {})
        check_server(f"{address}/", {})
    assert {each["path"] for each in seen} == {"/dicom-web/studies?limit=1"}
    assert "Authorization" not in seen[0]


def test_user_and_password_or_token_come_from_the_environment():
    with answering_with() as (address, seen):
        check_server(address, {USER: "ärztin", PASSWORD: "a:b"})
        check_server(address, {TOKEN: "abc.def"})
    assert base64.b64decode(seen[0]["Authorization"].removeprefix("Basic ")).decode() == "ärztin:a:b"
    assert seen[1]["Authorization"] == "Bearer abc.def"


@pytest.mark.parametrize("alone", [USER, PASSWORD])
def test_a_user_without_password(alone):
    assert f"{alone}: is set alone; set both" in told("http://127.0.0.1:1/dicom-web", {alone: "x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (TOKEN, value)
            for value in ("secret\rX: y", "secret\n x", "secret€", "sec ret", "secret\x7f", "secret\udce4")
        ),
        *((name, value) for name in (USER, PASSWORD) for value in ("secret\rX", "secret\0", "secret\udce4")),
    ],
)
def test_what_cannot_be_sent_is_refused_and_not_repeated(name, value):
    others = {USER: "me", PASSWORD: "mine"} if name != TOKEN else {}
    line = told("http://127.0.0.1:1/dicom-web", others | {name: value})
    assert line.startswith(f"{name}: holds ")
    assert "sec" not in line


def test_an_end_of_line_is_no_part_of_a_token_or_password():
    with answering_with() as (address, seen):
        check_server(address, {TOKEN: "secret\r\n"})
        check_server(address, {USER: "me\n", PASSWORD: "mine\r"})
    assert seen[0]["Authorization"] == "Bearer secret"
    assert base64.b64decode(seen[1]["Authorization"].removeprefix("Basic ")) == b"me:mine"


def test_a_file_of_certificates_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    line = told("https://127.0.0.1:1/dicom-web")
    assert "https://127.0.0.1:1/dicom-web: cannot be asked (" in line
    assert "none.pem" in line
    assert "check the file that REQUESTS_CA_BUNDLE names" in line


def test_a_wrong_password_is_to_be_corrected(monkeypatch):
    monkeypatch.setenv(USER, "me")
    with answering_with(401) as (address, _):
        assert f"(it answers 401); correct the variables {USER} and" in told(address)


def test_a_password_in_the_address_is_not_repeated():
    line = told("http://me:geheim@127.0.0.1:1/dicom-web")
    assert "others may see a command line" in line
    assert "geheim" not in line


@pytest.mark.parametrize("address", ["http://", "http://[bad", "http://host:port/", "http://host/dicom-web?x=1"])
def test_no_address(address):
    assert "is not the address of a server; give its DICOMweb root" in told(address)


@pytest.mark.parametrize(
    ("status", "media", "words"),
    [
        (401, "text/plain", f"does not let this server in (it answers 401); set the variables {USER} and"),
        (403, "text/plain", "does not let this server in (it answers 403)"),
        (404, "text/html", "is no DICOMweb server, or lacks what was asked for (it answers 404); give its"),
        (503, "text/html", "fails (it answers 503); look into its log"),
        (200, "text/html; charset=utf-8", "is no DICOMweb server, it answers with text/html; give its DICOMweb root"),
    ],
)
def test_one_that_refuses_or_speaks_something_else(status, media, words, monkeypatch):
    for name in (USER, TOKEN):
        monkeypatch.delenv(name, raising=False)
    with answering_with(status, b"<html>", media) as (address, _):
        assert f"{address}: {words}" in told(address)


def test_one_that_is_down():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/dicom-web"
    assert f"{address}: cannot be reached, or breaks off; check that it runs" in told(address)


def test_one_that_is_slow(monkeypatch):
    enough = threading.Event()
    monkeypatch.setattr(access, "TIMEOUT", (0.2, 0.2))
    with answering_with(before=lambda: enough.wait(20)) as (address, _):
        try:
            assert "does not answer within 0.2 seconds; check that it runs" in told(address)
        finally:
            enough.set()


def test_one_without_tls():
    with answering_with() as (address, _):
        assert "does not speak https there; check the port" in told(address.replace("http://", "https://"))
