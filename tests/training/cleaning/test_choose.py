"""The smoothing that is chosen after a training, on what was held out."""

import importlib
import json
import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator

from scripts.inference import classified
from scripts.network import VoxelClassifier
from scripts.training import choose_cleaning
from scripts.transforms import FEATURES
from scripts.weights import VOXEL_CLASSIFIER, Checkpoint, change_sidecar, read_sidecar, save_weights
from tests.helpers.weights_examples import NORMALISATION, network

choose = importlib.import_module("scripts.training.cleaning.choose")

STATED = {"smooth": 0.5, "min_size": "20 voxels", "fill_holes": 0, "hysteresis": None, "invert": "auto"}


def tube(noise):
    """A tube in noise, whose image holds the log-odds that `found` takes for the network's."""
    label = torch.zeros(1, 16, 16, 16)
    label[:, :, 5:9, 5:9] = 1
    generator = torch.Generator().manual_seed(0)
    return 2 * label - 1 + noise * torch.randn(label.shape, generator=generator), label


def both(image, label):
    return {"image": MetaTensor(image), "label": MetaTensor(label)}


def trained(folder, noise, inverted=(False,), **sidecar):
    net = network()
    about = {"network": net.arguments, "normalisation": NORMALISATION, "threshold": 0.4, "cleaning": STATED, **sidecar}
    about["validation"] = {"val_dice": 0.1, "val_auroc": 0.2, "threshold": 0.3}
    for name in ("model_best", "model_last"):
        save_weights(folder / f"{name}.pt", net, about)
    items = []
    for flag in inverted:
        image, label = tube(noise)
        meta = {"inverted": True} if flag else {}
        items.append({"image": MetaTensor(image, meta=meta), "label": MetaTensor(label)})
    other = network(seed=7).train()
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items), batch_size=1),
        network=other,
        inferer=lambda image, net: torch.cat((-image, image), dim=1),
    )


@pytest.mark.parametrize(("noise", "expected"), [(0.0, 0.5), (4.0, 1.0)], ids=["clear", "noisy"])
def test_noise_is_smoothed_more_and_the_threshold_goes_with_it(noise, expected, tmp_path, caplog):
    validator = trained(tmp_path, noise, validated_on="a: a strip")
    before = {name: value.clone() for name, value in validator.network.state_dict().items()}
    with caplog.at_level(logging.INFO):
        choose_cleaning(validator, tmp_path)
    sidecar = read_sidecar(tmp_path / "model_best.pt")
    assert sidecar["cleaning"] == {**STATED, "smooth": expected, "invert": "false"}
    assert sidecar["threshold"] != 0.4
    assert sidecar["validation"]["threshold"] == sidecar["threshold"]
    assert f"Dice {sidecar['validation']['val_dice']:.4f}" in caplog.text
    assert 0.8 < sidecar["validation"]["val_auroc"] <= 1
    assert 0.2 < sidecar["threshold"] < 0.8
    assert f"smoothing by {expected:g} voxels" in caplog.text
    assert ("smoothed by 0.5, as before" in caplog.text) is (expected != 0.5)
    assert read_sidecar(tmp_path / "model_last.pt")["threshold"] == 0.4
    Checkpoint(tmp_path / "model_best.pt").load_into(network(seed=3))  # its hash is still that of the weights
    assert all(torch.equal(value, before[name]) for name, value in validator.network.state_dict().items())
    assert validator.network.training


def test_where_nothing_was_held_out_the_smoothing_stays(tmp_path):
    choose_cleaning(trained(tmp_path, 4.0, validated_on="itself"), tmp_path)
    sidecar = read_sidecar(tmp_path / "model_best.pt")
    assert (sidecar["cleaning"]["smooth"], sidecar["threshold"]) == (0.5, 0.4)


@pytest.mark.parametrize(
    ("inverted", "expected"), [((True, True), "true"), ((False, False), "false"), ((True, False), "auto")]
)
@pytest.mark.parametrize("held_out", ["a strip", "itself"])
def test_how_the_volumes_were_inverted_is_kept(inverted, expected, held_out, tmp_path):
    choose_cleaning(trained(tmp_path, 0.0, inverted, validated_on=held_out), tmp_path)
    for name in ("model_best.json", "model_last.json"):
        assert json.loads((tmp_path / name).read_text())["cleaning"]["invert"] == expected


def test_without_weights_nothing_is_done(tmp_path):
    validator = trained(tmp_path, 0.0)
    (tmp_path / "model_best.pt").unlink()
    before = (tmp_path / "model_best.json").read_bytes()
    choose_cleaning(validator, tmp_path)
    assert (tmp_path / "model_best.json").read_bytes() == before


def beside(folder, classifier):
    change_sidecar(folder / "model_best.pt", {VOXEL_CLASSIFIER: classifier.stated()})
    return folder / "model_best.pt"


def helper(gain):
    """A voxel classifier whose log-odds are `gain` times the blurred image."""
    made = VoxelClassifier(FEATURES, 2, hidden=2)
    with torch.no_grad():
        for value in made.parameters():
            value.zero_()
        # gelu(x) - gelu(-x) is x
        made.first.weight[:, 0] = torch.tensor([1.0, -1.0])
        made.second.weight[:, 0], made.second.weight[:, 1] = torch.tensor([1.0, -1.0]), torch.tensor([-1.0, 1.0])
        made.last.weight[1] = gain * torch.tensor([1.0, -1.0])
    return made


def test_a_voxel_classifier_that_helps_is_kept_with_the_share_that_suits_it(tmp_path, caplog):
    validator = trained(tmp_path, 4.0, validated_on="a: a strip")
    validator.inferer = lambda image, net: torch.zeros(1, 2, *image.shape[2:])  # a network that knows nothing
    path = beside(tmp_path, helper(3))
    with caplog.at_level(logging.INFO):
        choose_cleaning(validator, tmp_path)
    sidecar = read_sidecar(path)
    assert float(Checkpoint(path).voxel_classifier(FEATURES).share) == sidecar["voxel_classifier"]["share"] > 0
    assert sidecar["validation"]["val_dice"] > sidecar["voxel_classifier"]["val_dice_without"] + 0.2
    assert "without it the Dice is" in caplog.text


def test_a_voxel_classifier_that_harms_is_taken_out(tmp_path, caplog):
    validator = trained(tmp_path, 0.5, validated_on="a: a strip")
    path = beside(tmp_path, helper(-3))
    with caplog.at_level(logging.INFO):
        choose_cleaning(validator, tmp_path)
    assert Checkpoint(path).voxel_classifier(FEATURES) is None
    assert read_sidecar(path)["voxel_classifier"]["share"] == 0
    assert "share of the voxel classifier 0" in caplog.text


def test_where_nothing_was_held_out_the_share_stays_and_the_threshold_is_that_of_both(tmp_path):
    validator = trained(tmp_path, 1.0, validated_on="itself")
    path = beside(tmp_path, helper(3))
    choose_cleaning(validator, tmp_path)
    sidecar = read_sidecar(path)
    assert float(Checkpoint(path).voxel_classifier(FEATURES).share) == 0.5
    assert sidecar["cleaning"]["smooth"] == 0.5
    assert sidecar["threshold"] != 0.4


def test_one_that_adds_nothing_is_taken_out(tmp_path):
    """Where the network errs nowhere."""
    validator = trained(tmp_path, 0.0, validated_on="a: a strip")
    path = beside(tmp_path, helper(3))
    choose_cleaning(validator, tmp_path)
    sidecar = read_sidecar(path)
    assert Checkpoint(path).voxel_classifier(FEATURES) is None
    assert sidecar["validation"]["val_dice"] == sidecar["voxel_classifier"]["val_dice_without"] > 0.99


WHOLE = [{"scan": SimpleNamespace(labelled="all"), "region": "most"}]


def test_where_little_was_held_out_the_threshold_is_that_of_all_that_is_labelled(tmp_path, caplog):
    validator = trained(tmp_path, 1.0, validated_on="a: a strip")
    image, label = tube(1.0)
    asked = []
    with caplog.at_level(logging.INFO):  # the whole is brighter by 3, so its threshold is higher
        choose_cleaning(validator, tmp_path, WHOLE, lambda item: asked.append(item["region"]) or both(image + 3, label))
    sidecar = read_sidecar(tmp_path / "model_best.pt")
    assert asked == ["all"]
    assert sidecar["threshold"] == sidecar["validation"]["threshold"] > 0.9
    assert f"because little was held out, the threshold is {sidecar['threshold']:.4f}" in caplog.text
    assert validator.network.training


@pytest.mark.parametrize("on", ["itself", "a: a strip"])
def test_where_enough_or_nothing_was_held_out_it_is_not(on, tmp_path, monkeypatch):
    monkeypatch.setattr(choose, "FEW", 16**3)
    choose_cleaning(trained(tmp_path, 1.0, validated_on=on), tmp_path, WHOLE, None)


def test_a_classifier_that_is_kept_learns_from_all_of_it(tmp_path):
    validator = trained(tmp_path, 4.0, validated_on="a: a strip")
    validator.inferer = lambda image, net: torch.zeros(1, 2, *image.shape[2:])
    path, before = beside(tmp_path, helper(3)), helper(3).stated()["numbers"]
    item = both(*tube(1.0))
    choose_cleaning(validator, tmp_path, WHOLE, lambda _: item)
    classifier = Checkpoint(path).voxel_classifier(FEATURES)
    assert classifier.stated()["numbers"] != before
    assert classifier.share > 0
    found = classified(classifier, item["image"][0], np.eye(4)).argmax(dim=0)
    assert (found == item["label"][0]).float().mean() > 0.95
