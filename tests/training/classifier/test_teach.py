"""What teaches a voxel classifier after a training, and where it goes."""

import importlib
import logging

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scripts.training import teach_voxels
from scripts.training.classifier import fit
from scripts.transforms import FEATURES
from scripts.weights import Checkpoint, read_sidecar, save_weights
from tests.helpers.weights_examples import NORMALISATION, network

adapt = importlib.import_module("scripts.inference.voxelwise.adapt")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(fit, "PASSES", 2)


def trained(folder, classes=2):
    net = network(out_channels=classes)
    about = {
        "network": net.arguments,
        "normalisation": NORMALISATION,
        "threshold": 0.4,
        "validation": {"val_dice": 0.5},
    }
    save_weights(folder / "model_best.pt", net, about)
    return folder / "model_best.pt"


def item(vessel=1):
    label = torch.zeros(1, 16, 16, 16, dtype=torch.int8)
    label[:, 4:10, 4:10] = vessel
    return {"image": MetaTensor(label.float().abs(), affine=np.diag([1.0, 1.0, 2.0, 1.0])), "label": label}


def test_the_best_weights_get_it_and_stay_what_they_were(tmp_path, caplog):
    path = trained(tmp_path)
    weights = path.read_bytes()
    loaded = []
    with caplog.at_level(logging.INFO):
        teach_voxels("true", tmp_path, ["a", "b"], lambda name: loaded.append(name) or item())
    assert loaded == ["a", "b"]
    assert "a voxel classifier was taught by 8192 labelled voxels" in caplog.text
    assert float(Checkpoint(path).voxel_classifier(FEATURES).share) == 0  # it counts once it has been judged
    assert read_sidecar(path)["validation"] == {"val_dice": 0.5}
    assert path.read_bytes() == weights


def test_the_seed_decides_what_it_learns(tmp_path):
    path = trained(tmp_path)
    found = []
    for seed in (0, 0, 1):
        teach_voxels(True, tmp_path, ["a"], lambda name: item(), seed)
        found.append(read_sidecar(path)["voxel_classifier"]["numbers"])
    assert found[0] == found[1] != found[2]


def test_a_run_that_is_resumed_without_it_takes_it_out(tmp_path):
    path = trained(tmp_path)
    teach_voxels(True, tmp_path, ["a"], lambda name: item())
    teach_voxels(False, tmp_path, ["a"], None)
    assert Checkpoint(path).voxel_classifier(FEATURES) is None


def test_what_is_far_from_labels_is_not_described(monkeypatch):
    label = np.full((300, 16, 16), -1, np.int8)
    label[:20], label[:20, 4:10] = 0, 1
    described = []
    real = adapt.voxel_features
    monkeypatch.setattr(adapt, "voxel_features", lambda *a: described.append(a[0].shape) or real(*a))
    image = np.random.default_rng(0).random(label.shape, np.float32)
    sample = fit.draw_sample(image, label, np.ones(3), 100, np.random.default_rng(0))
    assert len(described) == 1
    assert len(sample.features) == 100


@pytest.mark.parametrize("vessel", [0, -1], ids=["no vessel", "no label of it"])
def test_too_few_voxels_of_a_class_teach_nothing(vessel, tmp_path, caplog):
    path = trained(tmp_path)
    with caplog.at_level(logging.INFO):
        teach_voxels(True, tmp_path, ["a"], lambda name: item(vessel))
    assert Checkpoint(path).voxel_classifier(FEATURES) is None
    assert "no voxel classifier, because 0 labelled voxels" in caplog.text


@pytest.mark.parametrize("enabled", [False, "false"])
def test_it_is_taught_only_if_asked_for(enabled, tmp_path):
    trained(tmp_path)
    teach_voxels(enabled, tmp_path, ["a"], None)


def test_without_weights_nothing_is_done(tmp_path):
    teach_voxels(True, tmp_path, ["a"], None)
