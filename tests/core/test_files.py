"""Files are there as a whole or not at all."""

import os

import pytest

from scripts.core import check_name_length, check_regular, check_writable, is_plain_name, state_of, write_whole
from tests.helpers.volume_examples import told


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("no answer\nfrom the server"), "no answer"),
        (RuntimeError("unexpected pos"), "unexpected pos"),
        (OSError(), ""),
        (KeyboardInterrupt(), None),
    ],
)
def test_a_failed_write_leaves_what_was_there_before(tmp_path, failure, reason):
    def write(temporary):
        assert temporary.parent == tmp_path  # a rename stays within a file system
        temporary.write_text("half a f")
        raise failure

    for before in (None, "whole"):
        if before:
            (tmp_path / "file").write_text(before)
        with pytest.raises(OSError if reason is not None else KeyboardInterrupt) as error:
            write_whole(tmp_path / "file", write)
        if reason is not None:
            told(error, tmp_path / "file", f"cannot be written ({reason}), what was there before is kept; make room")
        assert [file.read_text() for file in tmp_path.iterdir()] == ([before] if before else [])


def test_the_name_appears_only_once_the_file_is_whole(tmp_path):
    def write(temporary):
        temporary.write_text("new")
        assert (tmp_path / "file").read_text() == "old"

    (tmp_path / "file").write_text("old")
    write_whole(tmp_path / "file", write)
    assert (tmp_path / "file").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="cannot be written to") as error:
        check_writable(tmp_path / "file")
    told(error, tmp_path / "file", "choose another folder")
    with pytest.raises(OSError, match="choose another folder by --ckpt_dir"):
        check_writable(tmp_path / "file" / "below", "ckpt_dir")
    with pytest.raises(OSError, match=r"a\\x00b: cannot be written to \(embedded null byte\)"):
        check_writable(f"{tmp_path}/a\0b")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="Permission denied") as error:
        check_writable(tmp_path)
    told(error, tmp_path, "choose another folder")


def test_a_writable_folder_is_made_and_left_empty(tmp_path):
    assert check_writable(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert os.listdir(tmp_path / "a" / "b") == []


def test_a_file_is_regular_or_it_is_refused_unopened(tmp_path):
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert check_regular(tmp_path / "a", "look") == check_regular(tmp_path / "link", "look") == 3
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    for name, kind, problem in (
        ("none", FileNotFoundError, "no such model"),
        ("a/b", FileNotFoundError, "no such model"),
        ("", OSError, "is a folder and not a file"),
        ("pipe", OSError, "is a pipe, socket or device and not a file"),
        ("round", OSError, "cannot be opened (Too many levels of symbolic links)"),
        ("x" * 300, OSError, "cannot be opened (File name too long)"),
    ):
        with pytest.raises(kind) as error:
            check_regular(tmp_path / name, "look", "no such model")
        told(error, tmp_path / name, f"{problem}; look")
    for name in ("a\0b", "\ud800"):
        with pytest.raises(FileNotFoundError, match="no file can have such a name; look"):
            check_regular(tmp_path / name, "look")


@pytest.mark.parametrize("name", ["a", "a b.nii.gz", "é" * 127, "..a", "x" * 255, "\udc80"])
def test_plain_names(name, tmp_path):
    assert is_plain_name(name)
    check_name_length(tmp_path / name)
    (tmp_path / name).touch()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/a", "a\\b", "a\0", "x" * 256, "é" * 128, "\ud800", None, 3, ["a"], b"a"]
)
def test_no_plain_names(name):
    assert not is_plain_name(name)


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(ValueError, match=r"the name has 256 bytes, and 255 are allowed there; shorten the name"):
        check_name_length(tmp_path / ("é" * 128))


def test_the_state_of_files_and_folders_counts_each_file(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for at, name in enumerate(("one", "a/two", "a/b/three"), 1):
        (tmp_path / name).write_bytes(b"x" * at)
        os.utime(tmp_path / name, ns=(0, at * 10**9))
    assert state_of(tmp_path / "one") == (1, 1, 10**9)
    assert state_of(tmp_path / "a") == (2, 5, 3 * 10**9)
    assert state_of(tmp_path / "one", tmp_path / "a") == (3, 6, 3 * 10**9)
