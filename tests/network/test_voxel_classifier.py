"""The voxel classifier: what it scales by, and how a sidecar states it."""

import base64
import json

import pytest
import torch

from scripts.network import VoxelClassifier


def classifier(features=5, classes=3, seed=0):
    torch.manual_seed(seed)
    made = VoxelClassifier(features, classes, hidden=7)
    made.mean.copy_(torch.arange(features))
    made.deviation.fill_(2)
    made.share.fill_(0.25)
    return made.eval()


def test_features_are_scaled_by_what_was_learnt_from():
    made = classifier()
    plain = VoxelClassifier(5, 3, hidden=7)
    plain.load_state_dict(made.state_dict() | {"mean": torch.zeros(5), "deviation": torch.ones(5)})
    features = torch.rand(11, 5)
    assert made(features).shape == (11, 3)
    assert torch.allclose(made(features), plain((features - torch.arange(5)) / 2))


def test_what_a_sidecar_states_is_the_same_one():
    made = classifier()
    found = VoxelClassifier.from_stated(json.loads(json.dumps(made.stated())), 5, 3)
    assert found.state_dict().keys() == made.state_dict().keys()
    assert all(torch.equal(value, found.state_dict()[name]) for name, value in made.state_dict().items())


@pytest.mark.parametrize("stated", [None, {"share": 0.0, "val_dice_without": 0.7}], ids=["nothing", "one taken out"])
def test_there_may_be_none(stated):
    assert VoxelClassifier.from_stated(stated, 5, 3) is None


@pytest.mark.parametrize(
    "change",
    [
        {"share": 1.5},
        {"share": -0.1},
        {"share": True},
        {"share": "0.5"},
        {"hidden": 4096},
        {"hidden": 0},
        {"hidden": 8},
        {"hidden": 7.0},
        {"features": 6},
        {"classes": 2},
        {"numbers": "no base64!"},
        {"numbers": None},
        {"numbers": base64.b64encode(bytes(4)).decode()},
        {"numbers": base64.b64encode(torch.zeros(4 * (5 + 5 + 42 + 56 + 24)).numpy().tobytes()[: 4 * 132]).decode()},
    ],
    ids=lambda change: f"{next(iter(change))} {next(iter(change.values()))}"[:30],
)
def test_what_does_not_fit_is_refused(change):
    with pytest.raises(ValueError, match="it"):
        VoxelClassifier.from_stated(classifier().stated() | change, 5, 3)


@pytest.mark.parametrize("stated", ["text", [1], 3])
def test_what_is_none_is_refused(stated):
    with pytest.raises(ValueError, match="it is not one"):
        VoxelClassifier.from_stated(stated, 5, 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(value):
    made = classifier()
    with torch.no_grad():
        made.last.bias[0] = value
    with pytest.raises(ValueError, match="out of range"):
        VoxelClassifier.from_stated(made.stated(), 5, 3)
