"""What makes a training what it is, and what does not."""

from types import SimpleNamespace

import pytest
import torch
from monai.losses import DiceCELoss, FocalLoss
from monai.transforms import RandFlipd, RandRotated

from scripts.training import Fingerprint, LabelledVoxelsLoss
from scripts.training.fingerprint import differences, is_fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (FocalLoss(gamma=2.0), FocalLoss(gamma=3.0)),
        (DiceCELoss(lambda_dice=1.0), DiceCELoss(lambda_dice=0.5)),
        (LabelledVoxelsLoss(DiceCELoss()), LabelledVoxelsLoss(FocalLoss())),
        ([RandFlipd("image", prob=0.5)], [RandFlipd("image", prob=0.25)]),
        ([RandRotated("image", range_z=0.5)], [RandRotated("image", range_z=0.25)]),
    ],
    ids=["focal", "DiceCE", "wrapped", "flip", "rotation"],
)
def test_what_differs_is_described_and_random_states_are_not(one, other):
    def described(component):
        return Fingerprint({}, {"component": component}).take()

    before = described(one)
    assert before != described(other)
    for part in one if isinstance(one, list) else []:
        part.set_random_state(seed=7)
    assert described(one.eval() if isinstance(one, torch.nn.Module) else one) == before


def test_options_count_once_they_are_resolved():
    resolved = {"seed": 1, "device": "cpu", "train#trainer": object()}
    fingerprint = Fingerprint(resolved, {"loss": "Dice"})
    assert fingerprint.take() == {"seed": 1, "loss": "Dice"}
    resolved["patch_size"] = (64, 64, 32)
    assert fingerprint.take() == {"seed": 1, "patch_size": [64, 64, 32], "loss": "Dice"}


def test_frozen_layers_count_in_fine_tuning_only():
    resolved = {"seed": 1, "frozen": ["encoder.0"], "frozen_epochs": 2}
    assert Fingerprint(resolved, {"started_from": None}).take() == {"seed": 1, "started_from": None}
    assert Fingerprint(resolved, {"started_from": "abc"}).take() == {**resolved, "started_from": "abc"}


@pytest.mark.parametrize(("setting", "value"), [("accumulation_steps", 4), ("amp", True)])
def test_settings_of_the_trainer_count_where_they_are_not_the_default(setting, value):
    """The default is left out, so that files which do not state it can still be resumed."""
    usual = {"accumulation_steps": 1, "amp": False}
    fingerprint = Fingerprint({"seed": 1}, {})
    assert fingerprint.take(SimpleNamespace(**usual)) == fingerprint.take() == {"seed": 1}
    assert fingerprint.take(SimpleNamespace(**usual | {setting: value})) == {"seed": 1, f"trainer#{setting}": value}


def test_the_share_counts_where_there_is_a_mean():
    """So that a fine-tuning begun before there was one can still be resumed, with a share of 1, as the message says."""
    alone, mean = (Fingerprint({"seed": 1}, {"tuned_share": share}).take() for share in (1, 0.5))
    assert alone == {"seed": 1}
    assert mean == {"seed": 1, "tuned_share": 0.5}
    assert differences(alone, mean) == ["tuned_share 1 and not 0.5"]
    assert differences(mean, alone) == ["tuned_share 0.5 and not 1"]


def test_the_level_counts_where_it_is_not_the_finest():
    """So that a training begun before there was a level can still be resumed."""
    assert Fingerprint({"seed": 1, "level": 0}, {}).take() == {"seed": 1}
    assert Fingerprint({"seed": 1, "level": 2}, {}).take() == {"seed": 1, "level": 2}


def test_the_learning_rate_is_told_once():
    begun = {"learning_rate": 0.1, "optimizer#lr": 0.1, "seed": 1}
    assert differences(begun, begun | {"learning_rate": 0.2, "optimizer#lr": 0.2}) == ["learning_rate 0.1 and not 0.2"]
    assert differences(begun, begun | {"optimizer#lr": 0.2}) == ["optimizer#lr 0.1 and not 0.2"]  # set by an overlay
    assert len(differences(begun, begun | {"learning_rate": 0.3, "optimizer#lr": 0.2})) == 2
    assert differences(begun, dict(begun)) == []


def test_what_a_fingerprint_may_be():
    assert is_fingerprint({"seed": 1, "patch_size": [64, 64, 32], "zoom": None})
    for other in (torch.ones(2), {"seed": torch.ones(2)}, {3: 1}, [1], {"seed": (1, 2)}):
        assert not is_fingerprint(other)
