"""A voxel classifier beside the network: the mean of both, block by block, and weights without one."""

import importlib
import re

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scripts.inference import TaughtInferer, average, classified
from scripts.network import VoxelClassifier
from scripts.transforms import FEATURES
from scripts.weights import VOXEL_CLASSIFIER, Checkpoint, average_weights, change_sidecar, publish
from tests.helpers.weights_examples import saved

adapt = importlib.import_module("scripts.inference.voxelwise.adapt")


def bright(share=0.5, threshold=0.5, classes=2):
    """A classifier by whether a voxel, blurred least, exceeds a threshold; its log-odds are near 6 or -6."""
    made = VoxelClassifier(FEATURES, classes, hidden=2)
    with torch.no_grad():
        for value in made.parameters():
            value.zero_()
        made.first.weight[0, 0], made.first.bias[0] = 200, -200 * threshold
        made.second.weight[0, 0] = 1
        made.last.weight[1, 0] = 0.06
        made.last.bias[0] = 0.3
    made.share.fill_(share)
    return made


def beside(path, made):
    change_sidecar(path, {VOXEL_CLASSIFIER: made.stated()})
    return path


def test_the_mean_is_of_log_probabilities():
    logits = torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1).repeat(1, 2, 3, 4)
    others = torch.tensor([5.0, 1.0]).reshape(2, 1, 1, 1).repeat(1, 2, 3, 4)
    average(logits, others, 0.25)
    assert torch.allclose(logits[1] - logits[0], torch.tensor(0.75 * 2 + 0.25 * -4))


def test_a_voxel_classifier_that_is_far_off_does_not_drown_the_network():
    logits, others = torch.zeros(2, 1, 1, 1), torch.zeros(2, 1, 1, 1)
    logits[1], others[0] = 8, 300  # sure that it is vessel, and surer than it can be that it is not
    average(logits, others, 0.5)
    assert torch.allclose(logits[1] - logits[0], torch.tensor((8 - 5) / 2), atol=0.01)


def test_several_classes_are_averaged_too():
    logits, others = torch.rand(3, 2, 2, 2), torch.rand(3, 2, 2, 2)
    expected = (logits.softmax(0) * others.softmax(0)).sqrt()
    average(logits, others, 0.5)
    assert torch.allclose(logits.softmax(0), expected / expected.sum(0))


def test_weights_with_one_find_what_it_finds(tmp_path):
    path = beside(saved(tmp_path), bright(share=1))
    image = MetaTensor(torch.zeros(2, 1, 16, 16, 16))
    image[:, :, 4:12, 4:12] = 1
    inferer = TaughtInferer(True, Checkpoint(path), lambda inputs, net: torch.zeros(2, 2, 16, 16, 16))
    found = inferer(image, None)
    assert found.shape == (2, 2, 16, 16, 16)
    assert torch.equal((found[:, 1] > found[:, 0])[:, 6:10, 6:10], torch.ones(2, 4, 4, 16, dtype=torch.bool))
    assert not (found[:, 1] > found[:, 0])[:, :2].any()


@pytest.mark.parametrize("enabled", ["false", "true"])
def test_without_one_or_switched_off_the_network_stands(enabled, tmp_path):
    path = saved(tmp_path) if enabled == "true" else beside(saved(tmp_path), bright())
    logits = torch.rand(1, 2, 8, 8, 8)
    found = TaughtInferer(enabled, Checkpoint(path), lambda inputs, net: logits)(torch.rand(1, 1, 8, 8, 8), None)
    assert found is logits


def test_blocks_make_no_difference(monkeypatch):
    image = torch.rand(40, 20, 9)
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    whole = classified(bright(), image, affine)
    monkeypatch.setattr(adapt, "SIDE", 13)
    assert whole.shape == (2, 40, 20, 9)
    assert torch.allclose(classified(bright(), image, affine), whole, atol=1e-3)


def test_one_of_other_features_is_refused_in_one_line(tmp_path):
    path = beside(saved(tmp_path), VoxelClassifier(FEATURES + 1, 2))
    with pytest.raises(ValueError, match=re.escape(str(path.with_suffix(".json"))) + ".*does not fit.*fine-tune again"):
        Checkpoint(path).voxel_classifier(FEATURES)


def test_weights_to_share_keep_it(tmp_path):
    path = beside(saved(tmp_path), bright(share=0.75))
    shared = publish(path, tmp_path / "shared.pt")
    assert float(Checkpoint(shared).voxel_classifier(FEATURES).share) == 0.75


def test_a_mean_of_weights_has_none(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        beside(saved(tmp_path / name), bright())
    mean = average_weights([tmp_path / "a" / "model.pt", tmp_path / "b" / "model.pt"], tmp_path / "mean.pt")
    assert Checkpoint(mean).voxel_classifier(FEATURES) is None
