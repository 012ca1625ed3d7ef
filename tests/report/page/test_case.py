import json

import pytest

from scripts.core import UserError
from scripts.report.page import find_cases
from scripts.report.page.case import as_text, numbers_of
from tests.report.page.examples import SUMMARY, write_results


def test_all_there_is_of_each_volume(tmp_path):
    dataset, out = write_results(tmp_path)
    cases, shared = find_cases(out, {"good": dataset / "images" / "good.tif", "other": "other.tif"}, {})
    bad, good = cases
    assert (bad.name, good.name) == ("bad", "good")
    assert good.image == dataset / "images" / "good.tif"
    assert (bad.image, bad.label, bad.skeleton, bad.branches) == (None,) * 4
    for path, ending in (
        (good.segmentation, "seg.tif"),
        (good.probability, "prob.tif"),
        (good.skeleton, "skeleton.tif"),
    ):
        assert path == out / f"good_{ending}"
    assert good.summary == SUMMARY
    assert good.scores["dice"] == 1
    assert good.curves["auroc"] > bad.curves["auroc"]
    assert shared["metrics"]["threshold"] == 0.5
    assert shared["run"] == {}


def test_the_branches_of_a_label_are_no_case(tmp_path):
    (tmp_path / "truth").mkdir()
    for name in ("a", "truth/a"):
        (tmp_path / f"{name}_branches.csv").touch()
    (tmp_path / "a.vtp").touch()
    assert [case.name for case in find_cases(tmp_path, {}, {})[0]] == ["a"]


def test_scores_alone_are_cases(tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps({"cases": {"a": {"dice": 0.5}}}))
    ((case,), _) = find_cases(tmp_path, {}, {})
    assert (case.name, case.segmentation, case.scores) == ("a", None, {"dice": 0.5})


def test_what_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        find_cases(tmp_path / "none", {}, {})
    with pytest.raises(UserError, match="holds no segmentation, scores or branches; segment"):
        find_cases(tmp_path, {}, {})
    for content in ("[]", '{"cases": [1]}', '{"cases": {"a": 3}}'):
        (tmp_path / "metrics.json").write_text(content)
        with pytest.raises(UserError, match="hold values by name"):
            find_cases(tmp_path, {}, {})
    (tmp_path / "metrics.json").write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        find_cases(tmp_path, {}, {})


def test_columns_of_numbers(tmp_path):
    path = tmp_path / "a_branches.csv"
    path.write_text("branch,length\n0,2.5\n1,\n2,4\n")
    assert numbers_of(path, ("length",)) == {"length": [2.5, 4.0]}
    for text, message in (("branch\n0\n", "has no column length"), ("branch,length\n0,long\n", "cannot be read")):
        path.write_text(text)
        with pytest.raises(UserError, match=f"a_branches.csv: {message}"):
            numbers_of(path, ("length",))


@pytest.mark.parametrize(
    ("value", "text"), [(None, "none"), (True, "True"), (3, "3"), (0.123456, "0.1235"), ([1, 2], "[1, 2]")]
)
def test_values_as_text(value, text):
    assert as_text(value) == text
