"""Scores as dots: where they lie, and in which order."""

import pytest

from scripts.report.study.dots import BESIDE, score_drawing
from tests.report.study.records import compared, drawn, lines_of, study_of, ticks, waiting


def test_seeds_mean_and_deviation(tmp_path):
    study = study_of(tmp_path, [*compared({"one": (0.6, 0.8), "two": (0.9,)}), waiting(9, "three")])
    auroc, dice = map(drawn, score_drawing(study).panels)
    spread = 0.1 * 2**0.5
    assert lines_of(auroc) == {
        ((0.9, 0.0),),
        ((0.6, 1 + BESIDE),),
        ((0.8, 1 + BESIDE),),
        ((0.7, 1.0),),
        ((round(0.7 - spread, 4), 1.0), (round(0.7 + spread, 4), 1.0)),
    }
    assert ticks(auroc, "y") == ["two", "one"]
    assert auroc.get_ylim()[0] > auroc.get_ylim()[1]  # the best on top
    assert (auroc.get_title(loc="left"), dice.get_title(loc="left")) == ("AUROC", "Dice")
    assert ((0.7, 0.0),) in lines_of(dice)
    assert "the verdict above, which compares seed by seed" in score_drawing(study).words
    assert "turn them round" not in score_drawing(study).words


def test_one_metric_has_one_panel_and_nothing_scored_none(tmp_path):
    trials = compared({"one": (0.9,)})
    trials[0]["scores"] = {"a": {"auroc": 0.9}}
    assert len(score_drawing(study_of(tmp_path, trials)).panels) == 1
    assert score_drawing(study_of(tmp_path, [waiting(0, "one")])) is None


@pytest.mark.parametrize(("metric", "words"), [("volume_error", ", less is better"), ("auroc", "held out")])
def test_an_error_says_that_less_is_better(tmp_path, metric, words):
    trials = compared({"one": (0.9,)})
    trials[0]["scores"]["a"]["volume_error"] = 0.1
    assert drawn(score_drawing(study_of(tmp_path, trials, metric=metric)).panels[0]).get_xlabel().endswith(words)
