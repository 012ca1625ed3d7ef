"""Variants and seeds: every variant of a seed before the next seed."""

import pytest

from scripts.core import UserError
from scripts.study import PLANS
from tests.study.examples import setting_of, striped, write_volumes

LOSSES = {"DICE-BCE": {}, "focal": {"configs": ["overlays/focal"], "options": {"loss#loss#gamma": 2}}}
LEVELS = {
    "optimizer": {"adam": {}, "sgd": {"options": {"optimizer#lr": 0.1}}},
    "schedule": {"constant": {"configs": ["overlays/flat"]}, "cosine": {"options": {"epochs": 5}}},
}


def planned(tmp_path, description):
    dataset = write_volumes(tmp_path / "data", {"v": striped((64, 16, 8))})
    return PLANS["compare"](setting_of(dataset, tmp_path / "study", description))


def test_all_variants_of_a_seed_come_before_the_next(tmp_path):
    trials = planned(tmp_path, {"factors": ["loss"], "variants": LOSSES})
    assert [each.params for each in trials] == [
        {"loss": "DICE-BCE", "seed": 0},
        {"loss": "focal", "seed": 0},
        {"loss": "DICE-BCE", "seed": 1},
        {"loss": "focal", "seed": 1},
    ]
    assert [each.variant for each in trials] == ["DICE-BCE", "focal"] * 2
    assert (trials[0].configs, trials[0].options) == ((), {})
    assert (trials[1].configs, trials[1].options) == (("overlays/focal",), {"loss#loss#gamma": 2})
    study = tmp_path / "study"
    assert {(each.trains, each.scored) for each in trials} == {(study / "trains", study / "scored")}


def test_of_two_factors_every_combination_is_a_variant(tmp_path):
    trials = planned(tmp_path, {"factors": ["optimizer", "schedule"], "levels": LEVELS})[:4]
    assert [each.variant for each in trials] == ["adam, constant", "adam, cosine", "sgd, constant", "sgd, cosine"]
    assert trials[1].params == {"optimizer": "adam", "schedule": "cosine", "seed": 0}
    assert trials[3].options == {"optimizer#lr": 0.1, "epochs": 5}
    assert trials[2].configs == ("overlays/flat",)


def test_two_factors_do_not_set_the_same_option(tmp_path):
    levels = {**LEVELS, "schedule": {"slow": {"options": {"optimizer#lr": 0.01}}}}
    with pytest.raises(UserError, match="sets optimizer#lr, which another factor sets too"):
        planned(tmp_path, {"factors": ["optimizer", "schedule"], "levels": levels})


def test_a_study_without_variants_is_refused(tmp_path):
    with pytest.raises(UserError, match="has no variants"):
        planned(tmp_path, {"factors": ["loss"], "variants": {}})
