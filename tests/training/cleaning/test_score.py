"""Scores of the best weights, by share of the voxel classifier and smoothing."""

import pytest
import torch
from monai.data import MetaTensor, list_data_collate
from scipy.special import logit

from scripts.network import VoxelClassifier
from scripts.training.cleaning.score import score_choices
from scripts.transforms import FEATURES
from tests.training.cleaning.test_choose import trained


def volume(fraction, known=1.0):
    """A volume of 8³ whose first planes are vessel, whose image is its log-odds, and whose last planes lack a label."""
    label = torch.zeros(1, 8, 8, 8)
    label[:, : int(8 * fraction)] = 1
    image = 2 * label - 1
    label[:, int(8 * known) :] = -1
    return {"image": MetaTensor(image, meta={"inverted": known < 1}), "label": MetaTensor(label)}


def test_what_is_labelled_is_counted_and_scored(tmp_path):
    validator = trained(tmp_path, 0.0)
    batches = [list_data_collate([volume(0.25)]), list_data_collate([volume(0.5, known=0.75)])]
    scored = score_choices(validator, tmp_path / "model_best.pt", batches, [(0.0, 0.0)])
    assert scored.labelled == 512 + 384
    assert scored.inverted == [False, True]
    assert scored.scores[0.0, 0.0] == pytest.approx({"dice": 1, "auroc": 1, "threshold": 0.5}, abs=0.4)


def test_a_share_weighs_the_classifier(tmp_path):
    """One that knows nothing halves the log-odds, so voxels keep their order and the threshold comes closer to 0.5."""
    validator = trained(tmp_path, 0.0)
    validator.inferer = lambda image, net: torch.cat((-4 * image, 4 * image + 2), dim=1)
    knows_nothing = VoxelClassifier(FEATURES, 2, hidden=2)
    with torch.no_grad():
        for value in knows_nothing.parameters():
            value.zero_()
    tried = [(0.0, 0.0), (0.5, 0.0)]
    batches = [list_data_collate([volume(0.25)])]
    scores = score_choices(validator, tmp_path / "model_best.pt", batches, tried, knows_nothing).scores
    assert [scores[choice]["auroc"] for choice in tried] == [1, 1]
    log_odds = [logit(scores[choice]["threshold"]) for choice in tried]
    assert log_odds[1] == pytest.approx(log_odds[0] / 2, rel=0.01)


def test_without_choices_the_network_does_not_run(tmp_path):
    validator = trained(tmp_path, 0.0)
    validator.inferer = None
    scored = score_choices(validator, tmp_path / "none.pt", [list_data_collate([volume(0.5, 0.5)])], [])
    assert scored == ({}, [True], 256)
