"""JSON of others: what is too large, too deep, no JSON or no file is one line."""

import os

import pytest

from scripts.core.json_file import read_json
from tests.helpers.volume_examples import told


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "is not JSON (Expecting property name"),
        (b"\xff\xfe\x00", "is not JSON ("),
        (b"", "is not JSON (Expecting value"),
        (b"[" * 100_000, "is nested too deep to be read"),
        (b'{"a":' * 100_000, "is nested too deep to be read"),
        (b"1" * 5000, "is not JSON (Exceeds the limit"),  # Python reads no number of so many digits
        (b" " * 301 + b"1", "has 302 bytes, more than the 300"),
    ],
)
def test_what_cannot_be_read(content, why, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json") as info:
        read_json(path, "copy it again", max_bytes=300 if b" " in content else 10**6)
    told(info, path, why, "; copy it again")


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.json: no such file; look"):
        read_json(tmp_path / "a.json", "look")
    with pytest.raises(OSError, match="is a folder and not a file; look"):
        read_json(tmp_path, "look")
    os.mkfifo(tmp_path / "pipe.json")  # reading it would wait for ever
    with pytest.raises(OSError, match=r"pipe\.json: is a pipe, socket or device and not a file; look"):
        read_json(tmp_path / "pipe.json", "look")


def test_what_can(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"µ": [1, 2.5, null]}', encoding="utf-8")
    assert read_json(path, "look") == {"µ": [1, 2.5, None]}
