"""Verdicts: whether the paper's order is found, and what is said of a study that is not at its end."""

import pytest

from scripts.report.study.verdict import AGREES, DIFFERS, UNKNOWN, progress, verdict
from tests.report.study.records import compared, study_of, waiting

CLEAR = {"one": (0.90, 0.91, 0.92), "two": (0.80, 0.812, 0.82), "three": (0.70, 0.713, 0.72)}
NOISY = {"one": (0.90, 0.80, 0.85), "two": (0.80, 0.90, 0.84)}


@pytest.mark.parametrize(
    ("values", "figures", "order"),
    [
        (CLEAR, {"one": 0.9, "two": 0.86, "three": 0.8}, AGREES),
        (CLEAR, {"one": 0.9, "three": 0.8}, AGREES),
        (CLEAR, {"one": 0.9, "two": 0.8, "three": 0.86}, DIFFERS),
        (CLEAR, {"one": 0.9}, UNKNOWN),
        (CLEAR, {"one": 0.9, "new": 0.8}, UNKNOWN),
        (CLEAR, {"one": 0.9, "two": 0.9}, UNKNOWN),
        (NOISY, {"one": 0.9, "two": 0.8}, UNKNOWN),
        (NOISY, {"one": 0.8, "two": 0.9}, UNKNOWN),
        ({name: values[:1] for name, values in CLEAR.items()}, {"one": 0.9, "three": 0.8}, UNKNOWN),
        (CLEAR, {}, UNKNOWN),
    ],
)
def test_whether_the_order_is_that_of_the_paper(tmp_path, values, figures, order):
    assert verdict(study_of(tmp_path, compared(values), paper={"figures": figures})).order == order


def test_a_study_that_is_not_at_its_end_says_so(tmp_path):
    trials = [*compared(CLEAR), waiting(9, "one", 3), waiting(10, "two", 3, "running"), waiting(11, "x", 0, "failed")]
    study = study_of(tmp_path, trials)
    assert progress(study) == "9 of 12 trials done, 1 failed, 1 running"
    found = verdict(study)
    assert found.headline.startswith("So far: one is the best of 3")
    assert "may change" in found.sentences[-1]
    noisy = study_of(tmp_path, [*compared(NOISY), waiting(9, "one", 3)])
    assert verdict(noisy).headline.startswith("So far: no winner can be named")


def test_nothing_is_said_before_a_trial_is_done(tmp_path):
    found = verdict(study_of(tmp_path, [waiting(0, "one"), waiting(1, "two", state="running")]))
    assert (found.headline, found.sentences) == ("Nothing can be said yet: no trial of 2 is done.", [])
    assert verdict(study_of(tmp_path, [])).order == UNKNOWN


def test_the_rule_names_the_seeds(tmp_path):
    two = verdict(study_of(tmp_path, compared({name: CLEAR[name] for name in ("one", "two")}))).rule
    assert "4.3 standard errors with 3 seeds" in two
    assert "side by side" not in two
    three = verdict(study_of(tmp_path, compared(CLEAR))).rule
    assert "6.2 standard errors with 3 seeds" in three
    assert "2 comparisons stand side by side" in three
    assert "with one seed never" in verdict(study_of(tmp_path, compared({"one": (0.9,)}))).rule
    assert "had no say" in verdict(study_of(tmp_path, compared(CLEAR), "search")).rule
