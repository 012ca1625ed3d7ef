"""`configs/pretrain.json`: weights from synthetic volumes alone, averaged, resumed, and usable by all the rest."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch

from scripts.io import write_volume
from tests.helpers.bundle_command import TINY_TRAINING
from tests.helpers.dataset_examples import write_tubes

PRETRAIN = ["train", "pretrain"]
OPTIONS = {
    **TINY_TRAINING,
    **{"epochs": 2, "iterations_per_epoch": 2, "val_interval": 1, "validation_volumes": 1, "num_workers": 0},
    # a fast average, so that two steps show in it
    **{"average": 0.5, "learning_rate": 0.01, "learning_rate_decay": 1},
}


def weights_of(folder, name="model_last"):
    return torch.load(folder / f"{name}.pt")


@pytest.fixture(scope="module")
def trained(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrained")
    bundle.run(PRETRAIN, **OPTIONS, ckpt_dir=folder).ok()
    return folder


def test_its_weights_are_the_average_and_not_the_last_step(trained):
    saved, parts = weights_of(trained), torch.load(trained / "resume.pt")["states"]
    assert saved.keys() == parts["average"].keys()
    assert all(torch.equal(saved[name], parts["average"][name]) for name in saved)
    assert any(not torch.equal(saved[name], parts["network"][name]) for name in saved)


def test_the_sidecar_says_what_it_was_trained_on(trained):
    sidecar = json.loads((trained / "model_best.json").read_text())
    assert sidecar["trained_on"].startswith(
        "synthetic volumes drawn as training went on (configs/pretrain.json), {'seed': 0"
    )
    assert sidecar["label_values"] == [0, 1]
    assert 0 < sidecar["threshold"] < 1
    assert {"val_dice", "val_auroc"} <= sidecar["validation"].keys()
    assert sidecar["validated_on"] == "1 synthetic volume that never trained"


@pytest.mark.slow
def test_a_resumed_run_ends_as_one_that_was_not_stopped(trained, bundle, tmp_path):
    bundle.run(PRETRAIN, **OPTIONS | {"epochs": 1}, ckpt_dir=tmp_path).ok()
    bundle.run(PRETRAIN, **OPTIONS | {"num_workers": 1}, ckpt_dir=tmp_path, resume="true").ok()
    for name in ("model_last", "model_best"):
        one, two = weights_of(trained, name), weights_of(tmp_path, name)
        assert all(torch.equal(one[key], two[key]) for key in one)


def test_its_weights_segment_and_are_fine_tuned(trained, bundle, tmp_path):
    dataset = write_tubes(tmp_path / "dataset", "a", (40, 36, 33))
    network = {name: OPTIONS[name] for name in ("network_def#channels", "patch_size")}
    weights = trained / "model_best.pt"
    bundle.run(**network, dataset_dir=dataset, ckpt_path=weights, output_dir=tmp_path / "out").ok()
    assert (tmp_path / "out" / "a_seg.tif").is_file()
    short = {name: OPTIONS[name] for name in ("epochs", "iterations_per_epoch")}
    start = {"dataset_dir": dataset, "ckpt_path": weights, "ckpt_dir": tmp_path / "fine"}
    bundle.run(["train", "finetune"], **network, **short, **start).ok()


def test_real_masks_and_left_out_parts(bundle, tmp_path):
    masks = tmp_path / "masks"
    write_volume(masks / "tube.tif", np.pad(np.ones((40, 8, 8), np.uint8), ((0, 0), (16, 16), (16, 16))))
    left = "['tree','mesh','stack','plexus','mixed','tumour','hollow','dark']"
    options = OPTIONS | {"epochs": 1, "iterations_per_epoch": 1}
    bundle.run(PRETRAIN, **options, masks_dir=masks, without=left, ckpt_dir=tmp_path / "ck").ok()


def test_drawn_volumes_are_bright_whatever_real_ones_are(bundle, tmp_path):
    """With the shipped weights' `--invert auto` a drawn volume was now and then taken for a dark one."""
    for invert in ("auto", "true"):
        options = OPTIONS | {"epochs": 1, "iterations_per_epoch": 1, "learning_rate": 0, "invert": invert}
        done = bundle.run(PRETRAIN, **options, ckpt_dir=tmp_path / invert).ok()
        assert "dark" not in done.stderr
    auto, true = ((tmp_path / invert / "epochs.csv").read_text().splitlines() for invert in ("auto", "true"))
    for one, two in zip(csv.DictReader(auto), csv.DictReader(true), strict=True):
        assert (one["train_loss"], one["val_auroc"]) == (two["train_loss"], two["val_auroc"])


def test_real_volumes_are_watched_as_they_are_labelled(bundle, tmp_path):
    dataset = write_tubes(tmp_path / "dataset", "a", (40, 36, 33), vessel=255)
    options = OPTIONS | {"epochs": 1, "iterations_per_epoch": 1}
    bundle.run(PRETRAIN, **options, test_dir=dataset, ckpt_dir=tmp_path / "ck").ok()
    assert "test_dice" in (tmp_path / "ck" / "epochs.csv").read_text()


def test_real_datasets_train_beside_the_synthetic_volumes(bundle, tmp_path):
    for number, vessel in enumerate((1, 255)):
        write_tubes(tmp_path / "real" / f"set{number}", f"tube{number}", (40, 36, 33), vessel=vessel)
    real = {"real_share": 0.5, "dataset_weights": "{'set0': 2}", "ckpt_dir": tmp_path / "ck"}
    options = OPTIONS | {"epochs": 1} | real
    run = bundle.run(PRETRAIN, **options, dataset_dir=tmp_path / "real")
    run.ok()
    assert "50 % of the patches come from 2 real volumes" in run.stderr
    trained_on = json.loads((tmp_path / "ck" / "model_best.json").read_text())["trained_on"]
    assert "'real_share': 0.5, 'real': [['tube0', ((0, 40), (0, 36), (0, 33))], ['tube1', " in trained_on[-1]
    assert trained_on[0] == "tube0"
    other = bundle.run(
        PRETRAIN, **options | {"dataset_weights": "[1]"}, dataset_dir=tmp_path / "real" / "set0", resume="true"
    )
    other.refused("volumes#real")


def test_a_run_is_not_resumed_on_other_volumes(trained, bundle, tmp_path):
    shutil.copytree(trained, tmp_path / "ck")
    other = OPTIONS | {"validation_volumes": 2}
    bundle.run(PRETRAIN, **other, ckpt_dir=tmp_path / "ck", resume="true").refused("volumes#validation")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dataset_dir": "/nowhere"}, ("/nowhere: is not a folder", "images/NAME.EXT")),
        ({"region": "0:8,0:8,0:8"}, ("--region 0:8,0:8,0:8", "no real ones were given", "--dataset_dir")),
        ({"real_share": 1.5}, ("--real_share 1.5",)),
        ({"without": "['trees']"}, ("--without ['trees']", "holds what is not a part")),
        ({"without": "tree"}, ("--without tree: is not a list of names",)),
        ({"masks_dir": "/nowhere"}, ("/nowhere",)),
        ({"averag": 1}, ("--averag", "did you mean --average?")),
        ({"per_volume": 0}, ("--per_volume 0",)),
        ({"per_volume": 2.5}, ("--per_volume 2.5",)),
        ({"validation_volumes": 0}, ("--validation_volumes 0",)),
        ({"average": 2}, ("--average 2",)),
        ({"network_def#out_channels": 3}, ("--network_def#out_channels 3", "two classes")),
        ({"channel": 1}, ("--channel 1",)),
    ],
)
def test_refusals(bundle, tmp_path, options, words):
    bundle.run(PRETRAIN, **OPTIONS | options, ckpt_dir=tmp_path / "ck").refused(*words)
    assert not (tmp_path / "ck").exists() or not list((tmp_path / "ck").iterdir())
