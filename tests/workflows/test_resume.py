"""A training that is killed and resumed ends as one that never was."""

import csv
import json
import shlex
import signal

import numpy as np
import pytest
import torch

from tests.helpers.bundle_command import TINY_TRAINING
from tests.helpers.dataset_examples import write_tubes
from tests.helpers.training_examples import killed_at

OPTIONS = {
    **TINY_TRAINING,
    "epochs": 30,
    "iterations_per_epoch": 4,
    "patience": 3,
    "learning_rate": 0.1,  # so large that validation soon gets worse
    "learning_rate_decay": 0.5,
}
SHAPES = {"a": (40, 36, 15), "b": (34, 33, 12), "c": (32, 32, 32)}


def rows(folder):
    return list(csv.DictReader((folder / "epochs.csv").read_text().splitlines()))


@pytest.mark.parametrize(
    ("count", "before", "after"),
    [(1, 0, 2), (2, 2, 0), (3, 0, 2)],
    ids=["1 dataset, resumed with workers", "2 datasets, resumed without", "3 datasets, resumed with workers"],
)
@pytest.mark.slow
def test_killed_after_the_best_epoch_in_the_middle_of_one(count, before, after, bundle, tmp_path):
    datasets = [str(write_tubes(tmp_path / name, name, SHAPES[name])) for name in list(SHAPES)[:count]]
    # in bfloat16 too
    run = {
        **OPTIONS,
        "amp": str(count == 1).lower(),
        "dataset_dir": datasets if count > 1 else datasets[0],
        "ckpt_dir": tmp_path / "whole",
    }
    bundle.run("train", **run).ok()
    whole = rows(run["ckpt_dir"])
    scores = [float(row["val_dice"]) for row in whole]
    best, stopped = int(np.argmax(scores)) + 1, len(whole)
    assert stopped == best + OPTIONS["patience"] < OPTIONS["epochs"]
    within = best + 1  # this epoch's end is the last that is kept: some patience is spent, and some is left
    overlay = killed_at(tmp_path, within * OPTIONS["iterations_per_epoch"] + 2)

    options = run | {"ckpt_dir": tmp_path / "weights"}
    configs = ["configs/train.json", overlay]
    words = [word for name, value in (options | {"num_workers": before}).items() for word in (f"--{name}", value)]
    assert bundle("run", "--config_file", [str(config) for config in configs], *words).status == -9
    assert [row["epoch"] for row in rows(options["ckpt_dir"])] == [str(epoch + 1) for epoch in range(within)]
    assert not list(options["ckpt_dir"].glob(".*"))

    done = bundle.run("train", **options, num_workers=after, resume="true").ok()
    assert f"resumed after epoch {within}" in done.stderr
    assert rows(options["ckpt_dir"]) == whole
    for name in ("model_best", "model_last"):
        one, two = (torch.load(folder / f"{name}.pt") for folder in (run["ckpt_dir"], options["ckpt_dir"]))
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one)
        one, two = (
            json.loads((folder / f"{name}.json").read_text()) for folder in (run["ckpt_dir"], options["ckpt_dir"])
        )
        assert one == two  # the hash of the weights among it
    again = bundle.run("train", **options, resume="true").ok()
    assert "nothing to do: training ended after epoch" in again.stderr
    assert rows(options["ckpt_dir"]) == whole


def test_fine_tuning_killed_after_its_first_levels_have_thawed(bundle, tiny_dataset, tiny_weights, tmp_path):
    options = {**TINY_TRAINING, "epochs": 4, "iterations_per_epoch": 2, "ckpt_path": tiny_weights}
    options |= {"dataset_dir": tiny_dataset, "frozen_epochs": 1}
    configs = [f"configs/{name}.json" for name in ("train", "finetune")]
    weights = {}
    for name, steps in {
        "whole": [(configs, {})],
        "killed": [([*configs, killed_at(tmp_path, 5)], {}), (configs, {"resume": "true"})],
    }.items():
        for files, more in steps:
            given = {**options, **more, "ckpt_dir": tmp_path / name}
            words = [word for option, value in given.items() for word in (f"--{option}", value)]
            done = bundle("run", "--config_file", [str(file) for file in files], *words)
        done.ok()
        weights[name] = torch.load(tmp_path / name / "model_last.pt")
    assert rows(tmp_path / "whole") == rows(tmp_path / "killed")
    assert all(torch.equal(weights["whole"][key], weights["killed"][key]) for key in weights["whole"])
    first = "encoder.0.conv.layers.0.weight"
    assert not torch.equal(weights["whole"][first], torch.load(tiny_weights)[first])


def test_what_cannot_be_resumed(bundle, tiny_dataset, tmp_path):
    options = {**TINY_TRAINING, "dataset_dir": tiny_dataset, "ckpt_dir": tmp_path / "weights"}
    path = tmp_path / "weights" / "resume.pt"
    bundle.run("train", **options, resume="true").refused(path, "there is no training to resume", "leave --resume out")
    bundle.run("train", **options).ok()
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    other = options | {"learning_rate": 0.5, "overlap": 0.25}
    told = bundle.run("train", **other, resume="true")
    told.refused(path, "learning_rate 0.001 and not 0.5", "overlap 0.5 and not 0.25", "another --ckpt_dir")
    bundle.run(("train", "overlays/loss_focal"), **options, resume="true").refused(path, "loss", "FocalLoss")
    for deep, told in {
        "loss#loss#lambda_dice": "loss#loss#lambda_dice 1.0 and not 0.25",
        "augmentation#rotate#prob": "augmentation#rotate#prob 0.75 and not 0.25",
        "optimizer#eps": "optimizer#eps 1e-08 and not 0.25",
    }.items():
        bundle.run("train", **options, resume="true", **{deep: 0.25}).refused(path, told)
    bundle.run("train", **options, resume="yes").refused("--resume yes: is not true or false")
    path.write_bytes(before["resume.pt"][:1000])
    bundle.run("train", **options, resume="true").refused(path, "is damaged")
    path.write_bytes(before["resume.pt"])
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_a_new_training_sets_the_earlier_one_aside(bundle, tiny_dataset, tmp_path):
    options = {**TINY_TRAINING, "dataset_dir": tiny_dataset, "ckpt_dir": tmp_path}
    bundle.run("train", **options).ok()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    done = bundle.run("train", **options, seed=1).ok()
    assert "moved the files of an earlier training to previous/" in done.stderr
    assert {file.name: file.read_bytes() for file in (tmp_path / "previous").iterdir()} == before
    assert (tmp_path / "model_last.pt").read_bytes() != before["model_last.pt"]


def test_fine_tuning_stopped_by_the_keyboard(bundle, tiny_dataset, tiny_weights, tmp_path):
    """By a signal in the second epoch, after which the last line can be pasted; and before the first has ended."""
    options = {**TINY_TRAINING, "epochs": 3, "iterations_per_epoch": 2, "ckpt_path": tiny_weights}
    options |= {"dataset_dir": tiny_dataset, "frozen_epochs": 1}
    configs = [f"configs/{name}.json" for name in ("train", "finetune")]
    for name, step in (("first", 1), ("second", 3)):
        given = {**options, "ckpt_dir": tmp_path / name}
        words = [str(word) for option, value in given.items() for word in (f"--{option}", value)]
        overlay = killed_at(tmp_path, step, signal.SIGINT)
        done = bundle("run", "--config_file", [*configs, str(overlay)], *words)
        assert done.status == -signal.SIGINT
        *_, last = done.stderr.strip().splitlines()
        assert last.startswith(f"error: stopped by the keyboard in epoch {1 if name == 'first' else 2} of 3")
        assert "Traceback" not in done.stderr
    assert not list((tmp_path / "first").iterdir())
    command = shlex.split(last.partition("to go on after epoch 1: ")[2])
    assert command[:4] == ["python", "-m", "monai.bundle", "run"]
    assert command[-2:] == ["--resume", "true"]
    bundle("run", "--config_file", configs, *command[6:]).ok()  # without the overlay that stops it
    assert [row["epoch"] for row in rows(tmp_path / "second")] == ["1", "2", "3"]
