"""The folder of an unfinished result: kept while it may go on, begun anew for another run, used by one process."""

import logging
import shutil
from unittest.mock import Mock

import pytest

from scripts.core import UserError
from scripts.inference.blockwise.work_folder import WorkFolder


def folder(tmp_path, **about):
    return WorkFolder(tmp_path / "a_seg.tif", {"threshold": 0.5, **about})


def interrupted(tmp_path):
    work = folder(tmp_path)
    opened = work.open()
    assert not opened.__enter__()
    work.keep(scaling={"low": 0})
    (work.path / "classes.zarr").mkdir()
    with pytest.raises(KeyboardInterrupt):
        opened.gen.throw(KeyboardInterrupt())
    return work


def test_it_is_hidden_beside_the_result_and_gone_afterwards(tmp_path):
    work = folder(tmp_path)
    with work.open() as goes_on:
        assert not goes_on
        assert work.path.parent == tmp_path
        assert work.path.name.startswith(".")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_goes_on(tmp_path):
    interrupted(tmp_path)
    again = folder(tmp_path)
    with again.open() as goes_on:
        assert goes_on
        assert again.state["scaling"] == {"low": 0}
        assert (again.path / "classes.zarr").is_dir()
        assert again.size() > 0


def test_a_run_of_other_options_begins_anew(tmp_path, caplog):
    interrupted(tmp_path)
    caplog.set_level(logging.INFO)
    other = folder(tmp_path, threshold=0.4)
    with other.open() as goes_on:
        assert not goes_on
        assert "scaling" not in other.state
        assert not (other.path / "classes.zarr").exists()
    assert "an unfinished run of other options or another input" in caplog.text


@pytest.mark.parametrize("other", [False, True], ids=["done", "begun anew"])
def test_what_is_removed_in_part_is_not_gone_on_with(tmp_path, monkeypatch, other):
    """Killed while it removes a folder that is done with, or that of another run."""
    work = interrupted(tmp_path)
    monkeypatch.setattr(shutil, "rmtree", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt), folder(tmp_path, **({"threshold": 0.4} if other else {})).open():
        pass
    assert (work.path / "classes.zarr").is_dir()
    monkeypatch.undo()
    with folder(tmp_path).open() as goes_on:
        assert not goes_on
        assert not (work.path / "classes.zarr").exists()
    assert not work.path.exists()


def test_a_folder_that_another_run_is_removing_is_not_used(tmp_path, monkeypatch):
    interrupted(tmp_path)
    refused = []

    def removing(*_, **__):
        with pytest.raises(UserError, match="another run is at work there"), folder(tmp_path).open():
            pass
        refused.append(True)

    with folder(tmp_path).open():
        monkeypatch.setattr(shutil, "rmtree", removing)
    assert refused


def test_two_processes_do_not_share_it(tmp_path):
    one = folder(tmp_path)
    with one.open(), pytest.raises(UserError, match="another run is at work there"), folder(tmp_path).open():
        pass
    assert not one.path.exists()


def test_a_damaged_state_is_refused(tmp_path):
    work = interrupted(tmp_path)
    (work.path / "run.json").write_text("{")
    with pytest.raises(UserError, match="remove the folder and begin again"), folder(tmp_path).open():
        pass
