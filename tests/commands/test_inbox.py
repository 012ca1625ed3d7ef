import os
from pathlib import Path

import pytest

from scripts.commands.inbox import MAX_PAUSE, Inbox


@pytest.fixture
def inbox(tmp_path):
    """A folder with a clock that the test turns, looked at with an interval of 5 seconds."""
    inbox = Inbox(tmp_path, interval=5, apart=[tmp_path / "out"], clock=lambda: inbox.now)
    inbox.now = 100.0
    return inbox


def look(inbox, after=0.0):
    inbox.now += after
    return [path.name for path in inbox.complete()]


def test_a_file_is_complete_when_it_has_not_changed_for_the_interval(inbox):
    file = inbox.folder / "a.nii"
    file.write_bytes(b"first piece")
    assert look(inbox) == []
    assert look(inbox, after=4.9) == []
    file.write_bytes(b"first piece and the second")
    assert look(inbox, after=0.2) == []
    assert look(inbox, after=4.9) == []
    assert look(inbox, after=0.1) == ["a.nii"]


def test_a_change_that_leaves_the_size_counts_too(inbox):
    file = inbox.folder / "a.nii"
    file.write_bytes(b"0000")
    os.utime(file, ns=(1, 1))
    look(inbox)
    assert look(inbox, after=5) == ["a.nii"]
    assert inbox.unchanged(file)
    file.write_bytes(b"1234")
    os.utime(file, ns=(2, 2))
    assert not inbox.unchanged(file)
    assert look(inbox) == []
    assert look(inbox, after=5) == ["a.nii"]


def test_what_was_dealt_with_comes_again_only_when_it_changes(inbox):
    file = inbox.folder / "a.nii"
    file.write_bytes(b"0000")
    look(inbox)
    look(inbox, after=5)
    inbox.deal_with(file)
    assert look(inbox, after=1000) == []
    file.write_bytes(b"00000")
    assert look(inbox) == []
    assert look(inbox, after=5) == ["a.nii"]


def test_what_was_put_off_comes_again_later_and_later(inbox):
    file = inbox.folder / "a.nii"
    file.write_bytes(b"0000")
    look(inbox)
    assert look(inbox, after=5) == ["a.nii"]
    pauses = []
    for _ in range(9):
        inbox.put_off(file)
        before = inbox.now
        while not look(inbox, after=5):
            pass
        pauses.append(inbox.now - before)
    assert pauses == [5, 10, 20, 40, 80, 160, 320, MAX_PAUSE, MAX_PAUSE]


def test_hidden_files_and_the_folder_of_outputs_are_passed_over_and_others_come_by_name(inbox):
    (inbox.folder / "out").mkdir()
    for name in ("b.tif", ".b.tif.part", "a.tif", "notes.txt"):
        (inbox.folder / name).touch()
    look(inbox)
    assert look(inbox, after=5) == ["a.tif", "b.tif", "notes.txt"]


def test_what_is_gone_is_forgotten(inbox):
    file = inbox.folder / "a.nii"
    file.touch()
    look(inbox)
    file.unlink()
    assert look(inbox, after=5) == []
    assert not inbox.unchanged(file)
    assert not inbox.entries
    inbox.folder = Path(inbox.folder, "gone")
    with pytest.raises(FileNotFoundError):
        inbox.complete()


def test_folders_are_not_entered_whatever_their_names(inbox):
    (inbox.folder / "series.tif").mkdir()
    (inbox.folder / "series.tif" / "q.tif").write_bytes(b"slice")
    look(inbox)
    assert look(inbox, after=5) == []


def test_a_zarr_is_complete_when_nothing_in_it_has_changed_for_the_interval(inbox):
    folder = inbox.folder / "a.zarr"
    (folder / "c" / "0").mkdir(parents=True)
    (folder / "zarr.json").write_text("{}")
    (inbox.folder / "no_zarr").mkdir()
    assert look(inbox) == []
    (folder / "c" / "0" / "1").write_bytes(b"chunk")
    assert look(inbox, 5) == []
    assert look(inbox, 5) == ["a.zarr"]
    inbox.deal_with(folder)
    assert look(inbox, 5) == []
    (folder / "c" / "0" / "1").write_bytes(b"another")
    assert look(inbox) == []
    assert look(inbox, 5) == ["a.zarr"]
