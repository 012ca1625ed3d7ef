"""Two processes of `torchrun` against one: the same losses, weights and scores; what cannot be shared is refused.

In double precision they agree to the last digits. In single precision the order of the sums shows: a gradient's last
digits differ, and Adam, which divides a gradient by its size, makes of that what it makes of any gradient.
"""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.io import read_volume, write_volume
from tests.helpers.bundle_command import BUNDLE, LEFT_BY_TRAINING, TINY_NETWORK, TINY_TRAINING, contents
from tests.helpers.dataset_examples import write_tubes
from tests.helpers.several_processes import in_two_processes, loss_of, torchrun
from tests.helpers.training_examples import killed_at

SHAPES = {"a": (34, 33, 12), "b": (36, 32, 34), "c": (32, 32, 10)}
# patches of 32 and of 64 slices in one batch, and a batch that two processes cannot share alike
OPTIONS = {**TINY_TRAINING, "patch_size": [32, 32, 64], "epochs": 2, "iterations_per_epoch": 2, "batch_size": 3}
OPTIONS |= {"device": "cpu", "amp": "false", "network_def#dropout": 0, "patience": 2}
DOUBLE = {
    "network": "$@network_def.to(device=@device, dtype=torch.float64)",
    "train#inferer": {"_target_": "SimpleInferer"},
    "train#trainer#to_kwargs": {"dtype": "$torch.float64"},
    "validate#evaluator#to_kwargs": {"dtype": "$torch.float64"},
}
# what each process ends with, and one gradient that one process alone finds infinite
SPY = {
    "imports": ["$import os", "$import sys", "$import torch", "$import monai", "$import ignite"],
    "spoil": "$lambda engine: engine.state.iteration == 2 and ignite.distributed.get_rank() == 1"
    " and engine.state.output['pred'].register_hook(lambda gradient: gradient * float('inf'))",
    "run#0": "$@train#trainer.add_event_handler(monai.engines.IterationEvents.FORWARD_COMPLETED, @spoil)",
    "+run": [
        "$torch.save({'weights': @network.state_dict(), 'kept': @kept_network.state_dict(), "
        "'skipped': @train#guard.skipped, "
        "'best': [@validate#evaluator.state.best_metric, @validate#evaluator.state.best_metric_epoch], "
        "'metrics': @validate#evaluator.state.metrics, 'epoch': @train#trainer.state.epoch},"
        " @ckpt_dir + f'_rank{ignite.distributed.get_rank()}.pt')"
    ],
}


def words(*configs, **options):
    files = [str(config) if str(config).endswith(".json") else f"configs/{config}.json" for config in configs]
    return [
        "run",
        "--config_file",
        str(files),
        *(str(word) for name in options for word in (f"--{name}", options[name])),
    ]


def overlay(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    for name, shape in SHAPES.items():
        write_tubes(folder, name, shape)
    return folder


@pytest.fixture(scope="module")
def did(dataset, tiny_dataset, tiny_weights, bundle, tmp_path_factory):
    """All that two processes are asked to do, and what one process makes of the same."""
    folder = tmp_path_factory.mktemp("did")
    double, spy = overlay(folder / "double.json", DOUBLE), overlay(folder / "spy.json", SPY)
    options = {**OPTIONS, "dataset_dir": dataset}
    short = {**options, "epochs": 1, "iterations_per_epoch": 3}
    tuning = {**TINY_TRAINING, "dataset_dir": tiny_dataset, "ckpt_path": tiny_weights, "epochs": 3, "frozen_epochs": 1}
    tuning |= {"device": "cpu", "iterations_per_epoch": 2, "patience": 1, "learning_rate": 0.1}
    drawn = {**TINY_TRAINING, "val_interval": 1, "validation_volumes": 1, "num_workers": 0, "device": "cpu"}
    scoring = {**TINY_NETWORK, "ckpt_path": tiny_weights, "device": "cpu"}
    one = {
        "double": words("train", double, **options, ckpt_dir=folder / "double_1"),
        "killed": words("train", double, killed_at(folder, 3), **options, ckpt_dir=folder / "resumed"),
        "single": words("train", "overlays/loss_wcce", **short, ckpt_dir=folder / "single_1"),
        "scores": words("train", "evaluate", **scoring, dataset_dir=dataset, output_dir=folder / "scores_1"),
    }
    two = {
        "refused": ["shared_batches", 1],  # the first, whose store is torchrun's and outlives either process
        "resumed": words("train", double, "multi_gpu_train", **options, ckpt_dir=folder / "resumed", resume="true"),
        "single": words("train", "overlays/loss_wcce", "multi_gpu_train", **short, ckpt_dir=folder / "single_2"),
        "tuned": words(
            *("train", "finetune", "overlays/tensorboard", "multi_gpu_train", spy), **tuning, ckpt_dir=folder / "tuned"
        ),
        "scores": words(
            *("train", "evaluate", "multi_gpu_evaluate"), **scoring, dataset_dir=dataset, output_dir=folder / "scores_2"
        ),
        "drawn": words("train", "pretrain", "multi_gpu_train", **drawn, ckpt_dir=folder / "drawn"),
        "losses": ["global_losses", folder / "batches.pt"],
    }
    for name, command in one.items():
        assert bundle(*command).status == (-9 if name == "killed" else 0)
    torch.save(batches(), folder / "batches.pt")
    return folder, in_two_processes(two, folder)


def batches():
    """Of every loss: five patches, some labelled in part and one not at all; and none labelled at all."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(5, 1, 3, 4, 5, generator=generator, dtype=torch.float64)
    label = torch.randint(2, image.shape, generator=generator).double()
    label[0, ..., :2] = label[1, :, 1] = label[3] = -1
    losses = {"dice_ce": [], "focal": ["overlays/loss_focal"], "wcce": ["overlays/loss_wcce"]}
    labels = {"whole": label.abs(), "part": label, "two in one share": label.clone(), "none": 0 * label - 1}
    labels["two in one share"][1::2] = -1
    return {
        f"{name}, {which}": {"overlays": overlays, "image": image, "label": label}
        for name, overlays in losses.items()
        for which, label in labels.items()
    }


def rows(folder):
    return [
        {name: float(value) for name, value in row.items()}
        for row in csv.DictReader((folder / "epochs.csv").read_text().splitlines())
    ]


def weights_of(folder):
    return torch.load(folder / "model_last.pt")


def difference(one, two):
    """The largest between the last weights of two trainings."""
    one, two = weights_of(one), weights_of(two)
    assert one.keys() == two.keys()
    return max(float((one[name] - two[name]).abs().max()) for name in one)


# -- training ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_processes_train_as_one(did):
    """They even go on where one was killed, in its second epoch."""
    folder, done = did
    first, second = (process.ok() for process in done["resumed"])
    one, two = folder / "double_1", folder / "resumed"
    assert difference(one, two) < 1e-9
    assert len(rows(one)) == OPTIONS["epochs"]
    for a, b in zip(rows(one), rows(two), strict=True):
        assert a == pytest.approx(b, abs=1e-6)
    assert "resumed after epoch 1" in first.stderr
    assert "epoch 2 of 2" in first.stderr
    assert "epoch" not in second.stderr


def test_in_single_precision_rounding_is_all_the_difference(did):
    """The fifth digit of the loss, a thousandth of the weights: Adam steps 0.001 far whatever a gradient's size."""
    folder, done = did
    for process in done["single"]:
        process.ok()
    one, two = folder / "single_1", folder / "single_2"
    for a, b in zip(rows(one), rows(two), strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-4)
        assert a["val_auroc"] == pytest.approx(b["val_auroc"], abs=0.01)
    one, two = (torch.cat([weights.flatten() for weights in weights_of(folder).values()]) for folder in (one, two))
    assert sorted(path.name for path in (folder / "single_2").iterdir()) == LEFT_BY_TRAINING
    assert 0 < (one - two).norm() / one.norm() < 5e-3


def test_processes_agree_on_all_that_steers_a_training(did, tiny_weights):
    """One volume validates, so one process has none; one has a gradient that is not finite; levels thaw on the way."""
    folder, done = did
    for process in done["tuned"]:
        process.ok()
    one, two = (torch.load(folder / f"tuned_rank{rank}.pt") for rank in range(2))
    assert one["skipped"] == two["skipped"] == 1
    assert {name: one[name] for name in ("best", "metrics", "epoch")} == {
        name: two[name] for name in ("best", "metrics", "epoch")
    }
    assert one["weights"].keys() == torch.load(tiny_weights).keys()
    assert all(torch.equal(one["weights"][name], two["weights"][name]) for name in one["weights"])
    for name, begun in torch.load(tiny_weights).items():
        assert torch.equal(one["kept"][name], two["kept"][name])
        torch.testing.assert_close(one["kept"][name], (begun + one["weights"][name]) / 2)
    assert one["epoch"] == len(rows(folder / "tuned")) > 1
    thawed = "encoder.0.conv.layers.0.weight"
    assert not torch.equal(one["weights"][thawed], torch.load(tiny_weights)[thawed])
    assert len(list((folder / "tuned" / "events").iterdir())) == 1


def test_every_loss_is_that_of_the_global_batch(did):
    folder, done = did
    shares = [json.loads(process.ok().stdout) for process in done["losses"]]
    assert shares[0] == shares[1]
    for name, batch in torch.load(folder / "batches.pt").items():
        value, *gradients = shares[0][name]
        loss, network = loss_of(batch["overlays"], BUNDLE)
        expected = loss(network(batch["image"]), batch["label"])
        expected.backward()
        # MONAI's focal loss is single precision inside
        assert value == pytest.approx(expected.item(), rel=1e-6 if "focal" in name else 1e-12), name
        expected = torch.cat([weights.grad.flatten() for weights in network.parameters()]).tolist()
        assert gradients == pytest.approx(expected, rel=1e-6, abs=1e-12), name
        assert (value == 0) == name.endswith("none")


def test_a_batch_that_leaves_a_process_without_a_patch(did):
    """Both processes refuse it, and the first to do so says so."""
    _, done = did
    assert [process.status for process in done["refused"]] == [1, 1]
    told = sorted(process.stderr.strip() for process in done["refused"])
    refusal = (
        "--batch_size 1: is shared by 2 processes and leaves some without a patch; raise it, or start fewer processes"
    )
    assert told == ["", f"error: {refusal} (--nproc_per_node)"]


def test_two_processes_train_on_volumes_that_they_draw(did):
    folder, done = did
    for process in done["drawn"]:
        process.ok()
    assert sorted(path.name for path in (folder / "drawn").iterdir()) == sorted([*LEFT_BY_TRAINING, "snapshots"])


# -- scoring -----------------------------------------------------------------------------------------------------------


def test_two_processes_score_as_one(did):
    folder, done = did
    for process in done["scores"]:
        process.ok()
    one, two = (contents(folder / name) for name in ("scores_1", "scores_2"))
    assert {"metrics.json", "run.json"} <= {*map(str, one)}
    for found in (one, two):
        del found[Path("run.json")]  # the command and its time
    assert one == two


def test_a_volume_that_one_process_cannot_load_stops_neither(tiny_dataset, tiny_weights, tmp_path):
    """The second process meets NaN in its volume; the first has scores, and lists what the second could not load."""
    for part in ("images", "labels"):
        _, voxels = read_volume(tiny_dataset / part / "a.tif")
        for name in "ab":
            write_volume(tmp_path / "dataset" / part / f"{name}.npy", voxels)
    bad = tmp_path / "dataset" / "images" / "b.npy"
    voxels = np.load(bad).astype(np.float32)
    voxels[0, 0, 0] = np.nan
    np.save(bad, voxels)
    options = {**TINY_NETWORK, "device": "cpu", "ckpt_path": tiny_weights, "output_dir": tmp_path / "out"}
    command = words("train", "evaluate", "multi_gpu_evaluate", **options, dataset_dir=tmp_path / "dataset")
    done = torchrun("-m", "monai.bundle", *command)
    assert done.status == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(told) == 1
    assert "this 1 of 2 volumes could not be scored; correct them; the scores are of the others" in told[0]
    failed = [line.partition("failed: ")[2] for line in done.stderr.splitlines() if "failed: " in line]
    assert [line for line in failed if line.startswith(f"{bad}: ") and "NaN" in line]
    assert list(json.loads((tmp_path / "out" / "metrics.json").read_text())["cases"]) == ["a"]
