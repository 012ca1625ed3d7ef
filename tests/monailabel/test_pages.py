"""OHIF's pages as they are served (tests/ohif opens them in a browser)."""

import re

import pytest

pytest.importorskip("monailabel", reason="make test-label runs this, in the environment of MONAI Label")

from fastapi import FastAPI
from fastapi.testclient import TestClient

from scripts.monailabel.pages import _CHANGES, _DATA, _STORE, FOLDER, POLICY, changed, not_found, router

app = FastAPI()
app.include_router(router)
client = TestClient(app, base_url="http://127.0.0.1:8123")


@pytest.mark.parametrize(
    "path", ["", "viewer", "..%2f..%2fohif.py", "assets/none.png", "%2e%2e/%2e%2e%2finfer.py", "%00", "x" * 300]
)
def test_the_first_page_for_what_is_no_file(path):
    answer = client.get(f"/ohif/{path}")
    assert answer.headers["content-type"].startswith("text/html")
    assert "<title>OHIF Viewer</title>" in answer.text
    # where its panel finds the server, which it would look for on port 8000
    assert "MONAILABEL_SERVER_URL=http%3A%2F%2F127.0.0.1%3A8123%2F" in answer.headers["set-cookie"]


def test_no_page_or_style_names_another_host():
    for file in [*FOLDER.glob("*.css"), FOLDER / "index.html"]:
        text = changed(file)
        assert not re.findall(r"""(?:href|src)=["']?https?://[^"'>]*|@import[^;]*https?:[^;]*""", text), file
    assert "fonts.googleapis.com" in (FOLDER / "app.bundle.css").read_text()  # what would be fetched
    assert client.get("/ohif/app.bundle.css").headers["content-type"].startswith("text/css")


@pytest.mark.parametrize("path", ["", "app.bundle.css", "app-config.js", "assets/favicon.ico", "silent-refresh.html"])
def test_a_browser_is_told_to_fetch_nothing_from_elsewhere(path):
    answer = client.get(f"/ohif/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == POLICY
    assert "http" not in POLICY
    assert "*" not in POLICY


def test_ohif_has_a_brush_an_export_that_works_and_more_than_ct_and_mr():
    programs = {file: file.read_text() for file in FOLDER.glob("*.js")}
    for mark, changes in _CHANGES.items():
        (file,) = [file for file, text in programs.items() if mark in text]
        for there, instead in changes:
            assert programs[file].count(there) == 1, there
            assert instead in changed(file)
        assert client.get(f"/ohif/{file.name}").headers["content-type"].startswith("text/javascript")
    assert sum(changed(file) is not None for file in programs) == len(_CHANGES)


def test_another_version_of_ohif_is_told_in_one_line(tmp_path, caplog):
    assert not_found(FOLDER) == []
    (tmp_path / "index.html").write_text("<html>")
    known = {mark: changes for mark, changes in _CHANGES.items() if mark != _STORE}
    text = "\n".join(there for changes in known.values() for there, _ in changes)
    (tmp_path / "a.bundle.js").write_text(text)
    assert changed(tmp_path / "index.html") == "<html>"
    (line,) = [record.getMessage() for record in caplog.records if "OHIF" in record.getMessage()]
    assert _STORE in line
    assert _DATA not in line
