"""Plain PyTorch files: a disk that fails is not damage, and too little memory is neither."""

from pathlib import Path

import pytest
import torch

from scripts.weights import load_plain, read_bytes


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

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(OSError, match=r"a\.pt: cannot be read \(Input/output error\); check the file") as error:
        read_bytes(tmp_path / "a.pt")
    assert "damaged" not in str(error.value)


def test_too_little_memory_is_no_damage(monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(MemoryError):
        load_plain(b"", Path("a.pt"), "is damaged", "train again")
