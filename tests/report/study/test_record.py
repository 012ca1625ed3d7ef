"""Records of studies: what is read, and what is no such record."""

import json

import pytest

from scripts.core import UserError
from scripts.report.study.record import read_record
from tests.report.study.records import record, study_of, trial, waiting, write


def test_what_a_record_states(tmp_path):
    about = {"kind_of": {"a": "retina"}}
    study = study_of(tmp_path, [trial(0, "one", 0.9, about=about), waiting(1, "two"), waiting(2, "one", 1, "failed")])
    assert (study.name, study.folder, study.variants) == ("losses", tmp_path, ["one", "two"])
    assert [each.number for each in study.done] == [0]
    assert study.unfinished
    assert study.kind_of == {"a": "retina"}
    assert study.trials[0].scores == {"a": {"auroc": 0.9, "average_precision": 0.8, "dice": 0.7}}
    assert (study.trials[0].trained, study.trials[1].trained) == (True, False)


def test_null_and_what_is_left_out_are_as_by_default(tmp_path):
    content = {"design": "search", "metric": "dice", "trials": [], "importances": None, "example": None}
    study = read_record(write(tmp_path, content))
    assert (study.importances, study.example, study.title, study.budget_minutes) == ({}, {}, "", None)


def test_numbers_that_are_none_and_scores_of_single_classes(tmp_path):
    bad = trial(0, "one", None, validation=float("nan"), steps=400.0)
    bad["scores"] = {"a": {"dice": float("inf"), "auroc": "0.9", "dice.artery": 0.5, "cldice": 1}}
    read = study_of(tmp_path, [bad]).trials[0]
    assert read.scores == {"a": {"dice": None, "auroc": None, "cldice": 1.0}}
    assert read.validation is None
    assert repr(read.steps) == "400"


def test_paths_are_relative_to_the_record_and_none_if_nothing_is_there(tmp_path):
    study = study_of(tmp_path, [])
    (tmp_path / "trials").mkdir()
    (tmp_path / "trials" / "epochs.csv").write_text("")
    assert study.path("trials/epochs.csv") == tmp_path / "trials" / "epochs.csv"
    assert study.path("trials/other.csv") is study.path(None) is study.path("trials") is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "AttributeError"),
        ({}, "trials"),
        (record([], "contest"), "no design 'contest'"),
        (record([{"number": 0}]), "variant"),
        (record([trial(0, "one", 0.9) | {"state": "lost"}]), "a state that there is not"),
        (record([trial(0, "one", 0.9) | {"about": [1]}]), "about is no table"),
        (record([], paper={"figures": {"one": "good"}}), "a figure of the paper"),
        ({"cases": {}, "mean": {}}, "trials"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path, content, problem):
    with pytest.raises(UserError, match=rf"losses.json: is no record of a study \(.*{problem}.*\); give the NAME.json"):
        read_record(write(tmp_path, content))


def test_a_file_that_is_missing_or_no_json_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_record(tmp_path / "losses.json")
    (tmp_path / "losses.json").write_text(json.dumps(record([]))[:-1])
    with pytest.raises(UserError, match="is not JSON"):
        read_record(tmp_path / "losses.json")
