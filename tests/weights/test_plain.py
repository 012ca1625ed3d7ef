"""Plain PyTorch files: a disk that fails is not damage, and too little memory is neither."""

import io
import os
import zipfile
from pathlib import Path

import pytest
import torch

from scripts.weights import load_plain, read_bytes
from scripts.weights.plain import is_plain


def test_there_and_back(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"weight": torch.arange(3), "epoch": 2}, path)
    content = load_plain(read_bytes(path), path, "is damaged", "train again")
    assert content["weight"].tolist() == [0, 1, 2]
    assert content["epoch"] == 2


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK"])
def test_what_is_no_such_file_is_answered_in_the_callers_words(content):
    with pytest.raises(ValueError, match=r"^a\.pt: is damaged; train again$"):
        load_plain(content, Path("a.pt"), "is damaged", "train again")


def test_a_disk_that_fails_is_said_to(tmp_path, monkeypatch):
    def fail(path):
        raise OSError(5, "Input/output error", str(path))

    (tmp_path / "a.pt").touch()
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(OSError, match=r"a\.pt: cannot be read \(Input/output error\); check the file") as error:
        read_bytes(tmp_path / "a.pt")
    assert "damaged" not in str(error.value)


def test_too_little_memory_is_no_damage(monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    buffer = io.BytesIO()
    torch.save({}, buffer)
    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(MemoryError):
        load_plain(buffer.getvalue(), Path("a.pt"), "is damaged", "train again")


def test_a_file_that_would_unpack_to_more_than_it_has(tmp_path):
    """A gigabyte of zeros in a megabyte: torch never compresses, so the stated sizes tell."""
    path = tmp_path / "bomb.pt"
    torch.save({"weight": torch.zeros(2**20)}, path)  # 4 MB
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in plain.namelist():
            archive.writestr(name, plain.read(name))
    assert len(packed.getvalue()) < 2**16
    assert torch.load(io.BytesIO(packed.getvalue()))["weight"].numel() == 2**20  # torch itself would unpack it
    with pytest.raises(ValueError, match=r"bomb\.pt: would unpack to 419\d+ bytes and has \d+, so it was not loaded"):
        load_plain(packed.getvalue(), path, "is damaged", "train again")


@pytest.mark.parametrize(
    ("tensor", "plain"),
    [
        (torch.zeros(3), True),
        (torch.zeros(3, dtype=torch.bfloat16), True),
        (torch.zeros(4, 2)[:, 0], True),
        (torch.nn.Parameter(torch.zeros(3)), True),
        (torch.zeros(3, device="meta"), False),
        (torch.zeros(3).to(torch.float8_e4m3fn), False),
        (torch.zeros(3, dtype=torch.int64), False),
        (torch.zeros(1).expand(10**12), False),  # one number, and a shape of a terabyte
        (torch.zeros(3).to_sparse(), False),
        ([0.0], False),
    ],
)
def test_which_tensors_are_plain(tensor, plain):
    assert is_plain(tensor) is plain


def test_a_pipe_would_never_end(tmp_path):
    os.mkfifo(tmp_path / "a.pt")
    with pytest.raises(OSError, match=r"a\.pt: is a pipe, socket or device and not a file; check"):
        read_bytes(tmp_path / "a.pt")


def test_a_file_of_an_old_torch_is_read_and_takes_no_more_than_it_has(tmp_path):
    path, giant = tmp_path / "old.pt", 2**40
    torch.save({"weight": torch.arange(3.0)}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    assert load_plain(content, path, "is damaged", "train again")["weight"].tolist() == [0, 1, 2]
    for stated in (b"cpuq\x06K\x03", b"K\x00K\x03\x85"):  # the number of elements, of the storage and of the tensor
        assert stated in content
        spoilt = content.replace(stated, stated.replace(b"K\x03", b"\x8a\x06" + giant.to_bytes(6, "little")))
        with pytest.raises(ValueError, match=r"old\.pt: is damaged; train again"):
            load_plain(spoilt, path, "is damaged", "train again")
