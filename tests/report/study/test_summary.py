"""Means over volumes, kinds and seeds, and differences, all computed by hand."""

from math import sqrt

import pytest

from scripts.report.study.summary import (
    Difference,
    best_by_validation,
    between,
    by_seed,
    estimate,
    over_volumes,
    standard_errors,
    summary,
)
from tests.report.study.records import compared, study_of, trial, waiting


def test_volumes_are_averaged_by_kind_first():
    scores = {"a": 0.2, "b": 0.4, "c": 0.9}
    assert over_volumes(scores, {}) == pytest.approx(0.5)
    assert over_volumes(scores, {"a": "retina", "b": "retina", "c": "liver"}) == pytest.approx((0.3 + 0.9) / 2)


def test_a_mean_over_volumes_and_then_seeds(tmp_path):
    """Seeds have 0.7 and 0.9: mean 0.8, deviation sqrt((0.1² + 0.1²) / 1)."""
    trials = [trial(0, "one", {"a": 0.6, "b": 0.8}, 0), trial(1, "one", {"a": 0.8, "b": 1.0}, 1)]
    found = estimate(study_of(tmp_path, trials).trials, "auroc", {})
    assert found.values == pytest.approx({0: 0.7, 1: 0.9})
    assert (found.mean, found.deviation) == pytest.approx((0.8, sqrt(0.02)))
    assert found.text == "0.800 ± 0.141"


def test_trials_of_one_seed_that_each_have_a_volume_are_one(tmp_path):
    trials = [trial(0, "one", {"a": 0.6}), trial(1, "one", {"b": 0.8})]
    found = estimate(study_of(tmp_path, trials).trials, "auroc", {})
    assert (found.values, found.deviation, found.text) == (pytest.approx({0: 0.7}), None, "0.700")


def test_a_seed_with_fewer_volumes_is_left_out(tmp_path):
    trials = [trial(0, "one", {"a": 0.6, "b": 0.8}), trial(1, "one", {"a": 0.9}, 1), waiting(2, "one", 2)]
    assert by_seed(study_of(tmp_path, trials).trials, "auroc") == {0: {"a": 0.6, "b": 0.8}}


def test_an_undefined_score_is_left_out(tmp_path):
    trials = [trial(0, "one", 0.6)]
    trials[0]["scores"]["a"]["auroc"] = None
    study = study_of(tmp_path, trials)
    assert estimate(study.trials, "auroc", {}) is None
    assert summary(study)[0].of["auroc"] is None
    assert summary(study)[0].of["dice"].mean == pytest.approx(0.4)


def test_a_difference_is_taken_seed_by_seed(tmp_path):
    """Seeds differ by 0.1, but one is ahead by 0.02, 0.03 and 0.04: mean 0.03, error 0.01 / sqrt(3)."""
    study = study_of(tmp_path, compared({"one": (0.72, 0.83, 0.94), "two": (0.7, 0.8, 0.9)}))
    found = between(study, "one", "two")
    assert (found.mean, found.error, found.seeds) == (pytest.approx(0.03), pytest.approx(0.01 / sqrt(3)), 3)
    assert found.ahead
    assert not between(study, "two", "one").ahead
    assert between(study, "two", "one").clear


def test_only_seeds_and_volumes_that_both_have_are_compared(tmp_path):
    trials = [
        trial(0, "one", {"a": 0.9, "b": 0.5}, 0),
        trial(1, "one", {"a": 0.9, "b": 0.5}, 1),
        trial(2, "two", {"a": 0.8}, 0),
        trial(3, "three", {"c": 0.8}, 0),
    ]
    study = study_of(tmp_path, trials)
    assert between(study, "one", "two") == Difference(pytest.approx(0.1), None, 1)
    assert between(study, "one", "three") is None


def test_weights_as_they_are_stand_against_each_seed(tmp_path):
    trials = [trial(0, "none", 0.6, steps=0), *compared({"tuned": (0.7, 0.8)})]
    found = between(study_of(tmp_path, trials), "tuned", "none")
    assert (found.mean, found.seeds) == (pytest.approx(0.15), 2)
    assert between(study_of(tmp_path, trials), "none", "tuned").mean == pytest.approx(-0.15)


def test_a_lower_error_is_better(tmp_path):
    trials = compared({"one": (0.3,), "two": (0.2,)})
    for each in trials:
        each["scores"]["a"]["volume_error"] = each["scores"]["a"]["auroc"]
    study = study_of(tmp_path, trials, metric="volume_error")
    assert [row.variant for row in summary(study)] == ["two", "one"]
    assert between(study, "two", "one").mean == pytest.approx(0.1)


@pytest.mark.parametrize(("mean", "clear"), [(0.0431, True), (0.0430, False), (-0.0431, True)])
def test_what_is_clear_by_students_t(mean, clear):
    """Of three seeds, the 97.5th percentile of t with two degrees of freedom is 4.303."""
    assert standard_errors(3) == pytest.approx(4.3027, abs=1e-4)
    assert Difference(mean, 0.01, 3).clear is clear
    assert Difference(mean, 0.01, 3).ahead is (clear and mean > 0)


def test_one_seed_or_no_difference_is_never_clear():
    assert not Difference(0.5, None, 1).clear
    assert not Difference(0.0, 0.0, 3).clear
    assert not Difference(0.1, 0.0, 3).clear
    assert Difference(0.1, 0.0, 3).doubt == "all 3 seeds gave the same, which says nothing about chance"
    assert (Difference(0.1, None, 1).doubt, Difference(0.1, 0.1, 3).doubt) == (
        "one seed cannot tell",
        "3 seeds may give that by chance",
    )


def test_among_several_comparisons_each_must_be_clearer():
    """Of four, each at 98.75 %: with two degrees of freedom t is 8.860; the error is 0.01."""
    assert standard_errors(3, 4) == pytest.approx(8.8602, abs=1e-3)
    assert Difference(0.0887, 0.01, 3).ahead_among(4)
    assert not Difference(0.0885, 0.01, 3).clear_among(4)
    assert not Difference(-0.0887, 0.01, 3).ahead_among(4)


def test_a_difference_of_nothing_has_words():
    assert Difference(0.0001, None, 1).text == "less than 0.001"


def test_the_best_comes_first_and_what_is_not_scored_last(tmp_path):
    trials = [waiting(9, "new"), *compared({"one": (0.7,), "two": (0.9,)})]
    rows = summary(study_of(tmp_path, trials, paper={"figures": {"one": 0.5}}))
    assert [(row.variant, row.seeds, row.figure) for row in rows] == [
        ("two", 1, None),
        ("one", 1, 0.5),
        ("new", 0, None),
    ]


def test_validation_alone_prefers_a_trial(tmp_path):
    trials = [trial(0, "one", 0.99, validation=0.5), trial(1, "two", 0.5, validation=0.6),
              waiting(2, "three", state="pruned", validation=0.9)]  # fmt: skip
    study = study_of(tmp_path, trials)
    assert best_by_validation(study.trials, "val_dice").variant == "two"
    assert best_by_validation(study.trials, "val_volume_error").variant == "one"
    assert best_by_validation([], "val_dice") is None
