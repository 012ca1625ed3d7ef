"""Pairs of paths, as MONAI Label lists them, made into volumes that train and volumes that validate."""

import json
import logging
import re

import numpy as np
import pytest
import torch
from ignite.engine import Engine

from scripts.data import find_dataset, scan_labels, split_dataset
from scripts.io import read_volume, write_volume
from scripts.monailabel import SameStart, is_datalist, schedule, volumes_of
from scripts.network import TubeNet
from scripts.weights import Checkpoint, save_weights
from tests.helpers.bundle_command import BUNDLE
from tests.helpers.dataset_examples import write_tubes
from tests.helpers.volume_examples import told

OPTIONS = {"learning_rate": 0.001, "batch_size": 6, "ckpt_path": None, "frozen": None, "tuned_share": None}
HOW = (0.25, [32, 32, 32])


def pairs(*names, folder):
    return [{key: str(folder / f"{key}s" / f"{name}.tif") for key in ("image", "label")} for name in names]


@pytest.fixture
def dataset(tmp_path):
    for name in "abc":
        write_tubes(tmp_path, name, (40, 36, 15))
    return tmp_path


def test_pairs_are_told_from_volumes_of_a_dataset(dataset):
    assert is_datalist(pairs("a", folder=dataset))
    assert not is_datalist(find_dataset(dataset))


def test_options_are_those_given_or_those_of_finetuning():
    assert vars(schedule(False, OPTIONS, BUNDLE)) == OPTIONS
    finetune = json.loads((BUNDLE / "configs" / "finetune.json").read_text())
    expected = {name: finetune[name] for name in OPTIONS} | {"ckpt_path": f"{BUNDLE}/models/model.pt"}
    assert vars(schedule(True, OPTIONS, BUNDLE)) == expected


def test_a_bundle_without_finetuning(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"finetune\.json: no such file; copy it from the bundle again"):
        schedule(True, OPTIONS, tmp_path)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "[]", "{}", '{"ckpt_path": "$@none"}'])
def test_a_finetuning_that_says_nothing(tmp_path, text):
    (tmp_path / "configs").mkdir()
    path = tmp_path / "configs" / "finetune.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(f"{path}: ")) as error:
        schedule(True, {"ckpt_path": None}, tmp_path)
    told(error, path, "copy it from the bundle again")


def test_volumes_of_a_dataset_are_handed_on(dataset):
    split = split_dataset(scan_labels(find_dataset(dataset)), *HOW)
    assert volumes_of(split["train"], split["validate"], *HOW) == split
    volumes = find_dataset(dataset)
    assert volumes_of(volumes[:2], volumes[2:], *HOW) == {"train": volumes[:2], "validate": volumes[2:]}


@pytest.mark.parametrize("held_out", [[], ["a"]], ids=["none", "itself"])
def test_one_image_is_split_in_sschedule(tmp_path, held_out):
    write_tubes(tmp_path, "a", (160, 40, 40))
    found = volumes_of(pairs("a", folder=tmp_path), pairs(*held_out, folder=tmp_path), *HOW)
    (train,), (validate,) = found["train"], found["validate"]
    assert train["region"] == ((0, 88), (0, 40), (0, 40))  # a patch's width of 32 before 120
    assert validate["region"] == ((120, 160), (0, 40), (0, 40))
    for item in (train, validate):
        assert (item["name"], item["dataset"], item["shape"]) == ("a", "a", (160, 40, 40))
        np.testing.assert_allclose(np.diag(item["affine"]), (0.002, 0.002, 0.005, 1))


def test_images_held_out_validate_as_a_whole(dataset, caplog):
    caplog.set_level(logging.INFO, logger="scripts.monailabel")
    found = volumes_of(pairs("b", "a", folder=dataset), pairs("c", folder=dataset), *HOW)  # in the order of the disk
    assert [item["name"] for item in found["train"]] == ["a", "b"]
    assert [item["name"] for item in found["validate"]] == ["c"]
    assert {item["region"] for part in found.values() for item in part} == {((0, 40), (0, 36), (0, 15))}
    assert "volumes for validation: c" in caplog.text


def test_nothing_is_labelled():
    with pytest.raises(ValueError, match=r"^the training: no image has a label to learn from; give --dataset_dir"):
        volumes_of([], [], *HOW)


def test_a_viewers_nifti_label_of_a_tiff_lies_nowhere_in_particular(dataset):
    """It has the shape of the image, and a position that the viewer made up."""
    label = read_volume(dataset / "labels" / "a.tif")[1]
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    listed = pairs("a", folder=dataset)
    listed[0]["label"] = str(write_volume(dataset / "a.nii.gz", label, affine=affine, unit="mm"))
    assert volumes_of(listed, [], *HOW)["train"][0]["label"] == listed[0]["label"]
    image = read_volume(dataset / "images" / "a.tif")[1]
    listed[0]["image"] = str(write_volume(dataset / "i.nii.gz", image, voxel_size=(1, 1, 1), unit="mm"))
    with pytest.raises(ValueError, match=r"a\.nii\.gz: has another voxel size or position"):
        volumes_of(listed, [], *HOW)
    listed[0]["image"] = str(write_volume(dataset / "i.tif", image[:-1]))
    with pytest.raises(ValueError, match=r"a\.nii\.gz: has \(40, 36, 15\) voxels .* \(39, 36, 15\); align them"):
        volumes_of(listed, [], *HOW)


def test_images_held_out_need_vessels(dataset):
    write_volume(dataset / "labels" / "c.tif", np.zeros((40, 36, 15), np.uint8))
    with pytest.raises(ValueError, match=r"c\.tif: holds no vessel"):
        volumes_of(pairs("a", "b", folder=dataset), pairs("c", folder=dataset), *HOW)


@pytest.mark.parametrize("moved", [False, True])
def test_training_starts_from_the_active_weights_alone(tmp_path, moved):
    net = TubeNet(channels=(4, 8))
    save_weights(tmp_path / "model.pt", net, {"network": net.arguments, "threshold": 0.5})
    if moved:
        with torch.no_grad():
            net.head.bias += 1
    steps = []
    trainer = Engine(lambda *_: steps.append(0))
    SameStart(net, Checkpoint(tmp_path / "model.pt")).attach(trainer)
    if moved:
        with pytest.raises(ValueError, match=r"model\.pt: training has to start from these weights"):
            trainer.run([0])
    else:
        trainer.run([0])
    assert len(steps) == (not moved)
