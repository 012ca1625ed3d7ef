"""Training by the command line: what it leaves, that it learns, that it can be repeated."""

import numpy as np
import pytest
import torch
from bundle_command import TINY_CHANNELS, TINY_NETWORK, TINY_TRAINING

from scripts.checkpoints import file_hash, read_sidecar
from scripts.network import TubeNet
from scripts.volume_io import read_header, read_volume

LEARNING = {**TINY_TRAINING, "epochs": 3, "iterations_per_epoch": 15, "learning_rate": 0.01, "network_def#dropout": 0}


@pytest.fixture(scope="module")
def trained(bundle, tiny_study, tmp_path_factory):
    """The folder that a training from scratch on a stack of 15 slices leaves."""
    folder = tmp_path_factory.mktemp("trained")
    bundle.run("train", dataset_dir=tiny_study, ckpt_dir=folder, **LEARNING).ok()
    return folder


def weights_of(path):
    return torch.load(path, weights_only=True)


def assert_same(one, two):
    assert one.keys() == two.keys()
    for name in one:
        assert torch.equal(one[name], two[name]), name


def test_training_leaves_weights_with_sidecars_and_nothing_else(trained):
    assert sorted(path.name for path in trained.iterdir()) == [
        "model_best.json",
        "model_best.pt",
        "model_last.json",
        "model_last.pt",
    ]
    for path in trained.glob("*.pt"):
        network = TubeNet(**read_sidecar(path)["network"])
        assert network.load_state_dict(weights_of(path))
        assert network.arguments["channels"] == TINY_CHANNELS


def test_sidecars_tell_what_using_the_weights_needs(trained):
    best, last = read_sidecar(trained / "model_best.pt"), read_sidecar(trained / "model_last.pt")
    for name, sidecar in (("model_best", best), ("model_last", last)):
        assert sidecar["sha256"] == file_hash(trained / f"{name}.pt")
        assert sidecar["label_values"] == [0, 255]
        assert sidecar["label_names"] == ["background", "vessel"]
        assert sidecar["normalisation"] == {"lower": 0.0, "upper": 100.0}
        assert sidecar["patch_size"] == TINY_NETWORK["patch_size"]
        assert sidecar["trained_on"] == ["a"]
        assert sidecar["threshold"] == sidecar["validation"]["threshold"]
        assert sidecar["versions"]["torch"] == torch.__version__
    assert last["epoch"] == LEARNING["epochs"]
    assert best["epoch"] <= last["epoch"]
    assert best["validation"]["val_dice"] >= last["validation"]["val_dice"]


def test_it_learns_a_bright_tube_and_segments_all_15_slices(bundle, trained, tiny_study, tmp_path):
    weights = {"ckpt_path": trained / "model_best.pt", **TINY_NETWORK}
    bundle.run("inference", dataset_dir=tiny_study, output_dir=tmp_path, **weights).ok()
    image = read_header(tiny_study / "images" / "a.tif")
    found, voxels = read_volume(tmp_path / "a_seg.tif")
    assert found.shape == image.shape == (40, 36, 15)
    assert (found.kind, found.unit, found.spacing) == (image.kind, image.unit, image.spacing)
    truth = read_volume(tiny_study / "labels" / "a.tif")[1] > 0
    assert 2 * (truth & (voxels > 0)).sum() / (truth.sum() + (voxels > 0).sum()) > 0.8
    assert (voxels * truth).any(axis=(0, 1)).sum() == truth.any(axis=(0, 1)).sum()


def test_best_is_the_epoch_that_validated_best(bundle, tiny_study, tmp_path):
    """Without learning every epoch scores the same, and only the first is better than all before."""
    dials = {**TINY_TRAINING, "epochs": 3, "learning_rate": 0}
    bundle.run("train", dataset_dir=tiny_study, ckpt_dir=tmp_path, **dials).ok()
    assert [read_sidecar(tmp_path / f"model_{which}.pt")["epoch"] for which in ("best", "last")] == [1, 3]


def test_the_seed_alone_decides_the_weights(bundle, tiny_study, tmp_path):
    """The same with no workers and with two; another with another seed."""
    dials = {**TINY_TRAINING, "iterations_per_epoch": 3, "dataset_dir": tiny_study}
    last = {}
    for run, how in {
        "first": {"num_workers": 0},
        "again": {"num_workers": 0},
        "workers": {"num_workers": 2},
        "other": {"seed": 1},
    }.items():
        bundle.run("train", **dials, **how, ckpt_dir=tmp_path / run).ok()
        last[run] = weights_of(tmp_path / run / "model_last.pt")
    assert_same(last["first"], last["again"])
    assert_same(last["first"], last["workers"])
    assert not torch.equal(last["first"]["head.weight"], last["other"]["head.weight"])


def test_weights_of_an_earlier_run_are_replaced_whole(bundle, trained, tiny_study, tmp_path):
    for path in trained.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    bundle.run("train", dataset_dir=tiny_study, ckpt_dir=tmp_path, **TINY_TRAINING).ok()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in trained.iterdir())
    for name in ("model_best", "model_last"):
        sidecar = read_sidecar(tmp_path / f"{name}.pt")
        assert sidecar["sha256"] == file_hash(tmp_path / f"{name}.pt") != file_hash(trained / f"{name}.pt")
        assert sidecar["epoch"] == 1
        assert all(np.isfinite(list(sidecar["validation"].values())))
