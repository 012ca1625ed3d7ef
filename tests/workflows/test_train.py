"""Training by the command line: what it leaves, that it learns, that it can be repeated."""

import csv
import shutil

import numpy as np
import pytest
import torch
from ignite.engine import Events

from scripts.core import sha256
from scripts.io import read_header, read_volume
from scripts.network import TubeNet
from scripts.weights import read_sidecar
from tests.helpers.bundle_command import LEFT_BY_TRAINING, TINY_CHANNELS, TINY_NETWORK, TINY_TRAINING, contents

LEARNING = {**TINY_TRAINING, "epochs": 3, "iterations_per_epoch": 15, "learning_rate": 0.01, "network_def#dropout": 0}


@pytest.fixture(scope="module")
def trained(bundle, tiny_dataset, tmp_path_factory):
    """The folder that a training from scratch on a stack of 15 slices leaves."""
    folder = tmp_path_factory.mktemp("trained")
    bundle.run("train", dataset_dir=tiny_dataset, ckpt_dir=folder, **LEARNING).ok()
    return folder


def weights_of(path):
    return torch.load(path, weights_only=True)


def assert_same(one, two):
    assert one.keys() == two.keys()
    for name in one:
        assert torch.equal(one[name], two[name]), name


def test_training_leaves_these_files_and_weights_with_sidecars(trained):
    assert sorted(path.name for path in trained.iterdir()) == LEFT_BY_TRAINING
    for path in trained.glob("model_*.pt"):
        network = TubeNet(**read_sidecar(path)["network"])
        assert network.load_state_dict(weights_of(path))
        assert network.arguments["channels"] == TINY_CHANNELS


def test_sidecars_tell_what_using_the_weights_needs(trained):
    best, last = read_sidecar(trained / "model_best.pt"), read_sidecar(trained / "model_last.pt")
    for name, sidecar in (("model_best", best), ("model_last", last)):
        assert sidecar["sha256"] == sha256(trained / f"{name}.pt")
        assert sidecar["label_values"] == [0, 255]
        assert sidecar["label_names"] == ["background", "vessel"]
        assert sidecar["normalisation"] == {"lower": 0.001, "upper": 99.999}
        assert sidecar["patch_size"] == TINY_NETWORK["patch_size"]
        assert sidecar["trained_on"] == ["a"]
        assert sidecar["validated_on"] == "a strip of 10 of 40 voxels along X of a, which touches what trains"
        assert sidecar["threshold"] == sidecar["validation"]["threshold"]
        assert sidecar["versions"]["torch"] == torch.__version__
    assert last["epoch"] == LEARNING["epochs"]
    assert best["epoch"] <= last["epoch"]
    assert best["validation"]["val_dice"] >= last["validation"]["val_dice"]


def test_what_is_too_small_for_a_strip_says_that_it_validates_on_itself(bundle, tiny_dataset, tmp_path):
    """Without learning no epoch is better than the first: it goes on all the same, and the last is kept."""
    options = {**TINY_TRAINING, "epochs": 3, "patience": 1, "learning_rate": 0, "region": "4:8,14:22,4:11"}
    done = bundle.run("train", dataset_dir=tiny_dataset, ckpt_dir=tmp_path, **options).ok()
    rows = list(csv.DictReader((tmp_path / "epochs.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert list(rows[0])[4:] == ["train_dice", "train_auroc", "threshold"]
    best = read_sidecar(tmp_path / "model_best.pt")
    assert (best["epoch"], best["validated_on"]) == (3, "itself")
    assert best["validation"].keys() == {"train_dice", "train_auroc", "threshold"}
    assert "a: nothing can be held out of it; it validates on itself" in done.stderr
    scores, weights, following = (line.partition(" INFO ")[2] for line in done.stderr.splitlines()[-3:])
    assert scores.startswith(f"epoch 3 of 3: train_dice {best['validation']['train_dice']:.4f}, train_auroc ")
    assert scores.endswith("measured on what trained, which chose the threshold too: expect less elsewhere")
    assert weights.startswith(f"weights: {tmp_path / 'model_best.pt'} (")
    assert following.startswith("next: python -m monai.bundle run --config_file configs/inference.json ")


def test_it_learns_a_bright_tube_and_segments_all_15_slices(bundle, trained, tiny_dataset, tmp_path):
    weights = {"ckpt_path": trained / "model_best.pt", **TINY_NETWORK}
    bundle.run("inference", dataset_dir=tiny_dataset, output_dir=tmp_path, **weights).ok()
    image = read_header(tiny_dataset / "images" / "a.tif")
    found, voxels = read_volume(tmp_path / "a_seg.tif")
    assert found.shape == image.shape == (40, 36, 15)
    assert (found.kind, found.unit, found.voxel_size) == (image.kind, image.unit, image.voxel_size)
    truth = read_volume(tiny_dataset / "labels" / "a.tif")[1] > 0
    assert 2 * (truth & (voxels > 0)).sum() / (truth.sum() + (voxels > 0).sum()) > 0.8
    assert (voxels * truth).any(axis=(0, 1)).sum() == truth.any(axis=(0, 1)).sum()


def test_best_is_the_epoch_that_validated_best(bundle, tiny_dataset, tmp_path):
    """Without learning every epoch scores the same, and only the first is better than all before."""
    options = {**TINY_TRAINING, "epochs": 3, "learning_rate": 0}
    bundle.run("train", dataset_dir=tiny_dataset, ckpt_dir=tmp_path, **options).ok()
    assert [read_sidecar(tmp_path / f"model_{which}.pt")["epoch"] for which in ("best", "last")] == [1, 3]


@pytest.mark.slow
def test_the_seed_alone_decides_the_weights(bundle, tiny_dataset, tmp_path):
    """The same with no workers and with two; another with another seed."""
    options = {**TINY_TRAINING, "iterations_per_epoch": 3, "dataset_dir": tiny_dataset}
    last = {}
    for run, how in {
        "first": {"num_workers": 0},
        "again": {"num_workers": 0},
        "workers": {"num_workers": 2},
        "other": {"seed": 1},
    }.items():
        bundle.run("train", **options, **how, ckpt_dir=tmp_path / run).ok()
        last[run] = weights_of(tmp_path / run / "model_last.pt")
    assert_same(last["first"], last["again"])
    assert_same(last["first"], last["workers"])
    assert not torch.equal(last["first"]["head.weight"], last["other"]["head.weight"])


def test_an_earlier_run_is_set_aside_whole(bundle, trained, tiny_dataset, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    earlier = contents(trained)
    bundle.run("train", dataset_dir=tiny_dataset, ckpt_dir=tmp_path, **TINY_TRAINING).ok()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*LEFT_BY_TRAINING, "previous"])
    assert contents(tmp_path / "previous") == earlier
    for name in ("model_best", "model_last"):
        sidecar = read_sidecar(tmp_path / f"{name}.pt")
        assert sidecar["sha256"] == sha256(tmp_path / f"{name}.pt") != sha256(trained / f"{name}.pt")
        assert sidecar["epoch"] == 1
        assert all(np.isfinite(list(sidecar["validation"].values())))


def test_a_stopped_run_goes_on_as_if_it_had_not_been(workflow, tiny_dataset, tmp_path):
    """Stopped in the third of four epochs; with dropout, all augmentation and another random state before."""
    options = {**TINY_TRAINING, "dataset_dir": str(tiny_dataset), "epochs": 4, "iterations_per_epoch": 2}

    def run(folder, stop=None, **how):
        train = workflow("train", "train", **options, ckpt_dir=str(tmp_path / folder), **how)
        train.initialize()
        if not stop:
            train.run()
            return
        train.parser.get_parsed_content("train#trainer").add_event_handler(stop, interrupt)
        with pytest.raises(RuntimeError) as error:
            train.run()
        assert isinstance(error.value.__cause__, InterruptedError)

    def interrupt():
        raise InterruptedError

    run("whole")
    run("parts", stop=Events.ITERATION_STARTED(once=6))
    assert read_sidecar(tmp_path / "parts" / "model_last.pt")["epoch"] == 2
    torch.rand(5)
    run("parts", resume=True)
    whole, parts = contents(tmp_path / "whole"), contents(tmp_path / "parts")
    assert list(whole) == list(parts)
    assert {path.name for path in whole if whole[path] != parts[path]} <= {"resume.pt"}


def test_resuming_what_is_not_there_or_is_another_training(bundle, trained, tiny_dataset, tmp_path):
    options = {**LEARNING, "dataset_dir": tiny_dataset, "resume": "true"}
    bundle.run("train", **options, ckpt_dir=tmp_path).refused(tmp_path / "resume.pt", "there is no training to resume")
    before = contents(trained)
    other = {**options, "batch_size": 3, "redraw": 0.5}
    words = ("started with batch_size 2 and not 3, redraw 0.9 and not 0.5", "give another --ckpt_dir")
    bundle.run("train", **other, ckpt_dir=trained).refused(trained / "resume.pt", *words)
    done = bundle.run("train", **options, ckpt_dir=trained).ok()
    assert "nothing to do: training ended after epoch 3, --epochs is 3" in done.stdout + done.stderr
    assert contents(trained) == before


def test_a_test_dataset_is_scored_and_decides_nothing(bundle, tiny_dataset, other_dataset, tmp_path):
    options = {**LEARNING, "epochs": 4, "iterations_per_epoch": 4, "learning_rate": 0.1, "learning_rate_decay": 1}
    for folder, how in (("with", {"test_dir": other_dataset}), ("without", {})):
        bundle.run("train", **options, dataset_dir=tiny_dataset, ckpt_dir=tmp_path / folder, **how).ok()
    rows = list(csv.DictReader((tmp_path / "with" / "epochs.csv").read_text().splitlines()))
    best = {name: max(rows, key=lambda row: float(row[name]))["epoch"] for name in ("val_dice", "test_dice")}
    assert str(read_sidecar(tmp_path / "with" / "model_best.pt")["epoch"]) == best["val_dice"]
    assert len({row["test_dice"] for row in rows} & {row["val_dice"] for row in rows}) == 0
    assert all(0 <= float(row["test_auroc"]) <= 1 for row in rows)
    assert "test" not in (tmp_path / "without" / "epochs.csv").read_text()
    for name in ("model_best.pt", "model_best.json", "model_last.pt", "model_last.json"):
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()


def test_finetuning_goes_on_from_weights_and_says_so(bundle, trained, tiny_dataset, tmp_path):
    """In the first epoch two levels stay as they were, the rest moves; the weights it began with are left alone."""
    start, before = trained / "model_best.pt", contents(trained)
    options = {**TINY_TRAINING, "dataset_dir": tiny_dataset, "ckpt_dir": tmp_path, "ckpt_path": start}
    bundle.run(("train", "finetune"), **options).ok()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*LEFT_BY_TRAINING, "model_best.int8.zip"])
    origin = {"weights": "model_best.pt", "sha256": sha256(start), "trained_on": ["a"]}
    assert read_sidecar(tmp_path / "model_last.pt")["finetuned_from"] == origin
    old, new = weights_of(start), weights_of(tmp_path / "model_last.pt")
    for name, weights in old.items():
        if name.endswith("weight"):
            assert torch.equal(new[name], weights) == name.startswith(("encoder.0.", "encoder.1.")), name
    assert contents(trained) == before
    del options["ckpt_path"]
    done = bundle.run("train", **options, resume="true")
    done.refused(tmp_path / "resume.pt", "frozen", "and not null", "started_from")


def test_finetuning_keeps_the_mean_of_the_weights_before_and_after(bundle, trained, tiny_dataset, tmp_path):
    """A training that is resumed goes on from what was learnt, and not from the mean."""
    options = {**TINY_TRAINING, "dataset_dir": tiny_dataset, "ckpt_dir": tmp_path, "region": "4:8,14:22,4:11"}
    options |= {"ckpt_path": trained / "model_best.pt", "train#calibrates": "False", "voxel_classifier": "false"}
    old = weights_of(options["ckpt_path"])
    for epochs in (1, 2):
        bundle.run(("train", "finetune"), **{**options, "epochs": epochs, "resume": epochs > 1}).ok()
        tuned = weights_of(tmp_path / "resume.pt")["states"]["network"]
        assert any(not torch.equal(weights, tuned[name]) for name, weights in old.items())
        for kept in ("model_best", "model_last"):  # nothing is held out, so the last epoch is the best
            assert read_sidecar(tmp_path / f"{kept}.pt")["tuned_share"] == 0.5
            for name, weights in weights_of(tmp_path / f"{kept}.pt").items():
                torch.testing.assert_close(weights, (old[name] + tuned[name]) / 2)
    done = bundle.run(("train", "finetune"), **{**options, "resume": "true", "tuned_share": 0.9})
    done.refused(tmp_path / "resume.pt", "tuned_share 0.5 and not 0.9")


def test_a_step_may_be_taken_in_parts_that_need_less_memory(bundle, tiny_dataset, tmp_path):
    """Three batches of 2 whose gradients add up are one step of 6, but for the rounding."""
    options = {**TINY_NETWORK, "dataset_dir": tiny_dataset, "epochs": 2, "network_def#dropout": 0, "amp": "false"}
    bundle.run("train", **options, ckpt_dir=tmp_path / "whole", batch_size=6, iterations_per_epoch=2).ok()
    parts = {"batch_size": 2, "iterations_per_epoch": 6, "train#trainer#accumulation_steps": 3}
    bundle.run("train", **options, ckpt_dir=tmp_path / "parts", **parts).ok()
    whole, parts = (weights_of(tmp_path / name / "model_last.pt") for name in ("whole", "parts"))
    start = TubeNet(**read_sidecar(tmp_path / "whole" / "model_last.pt")["network"]).state_dict()
    moved = max((whole[name] - start[name]).abs().max() for name in whole)
    apart = max((whole[name] - parts[name]).abs().max() for name in whole)
    assert apart < 0.02 * moved
