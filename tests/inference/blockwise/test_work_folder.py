"""The folder of an unfinished result: kept while it may go on, begun anew for another run, used by one process."""

import logging

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
