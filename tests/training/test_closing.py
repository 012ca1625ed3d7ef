"""The last lines of a training, against sidecars written by hand; the command in them is run by a shell."""

import json
import logging
import shlex
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from scripts.commands.workflows import WORKFLOWS
from scripts.core import BUNDLE
from scripts.network import TubeNet
from scripts.training import Validation, tell_end
from scripts.training.closing import _quoted, next_command, same_command
from scripts.weights import save_weights

STRIP = Validation(on="a strip of 16 of 64 voxels along X of v, which touches what trains")
ITSELF = Validation(on="itself")
TRAINER = SimpleNamespace(state=SimpleNamespace(epoch=10, times={"COMPLETED": 123.4}))


def lines(folder, caplog, on=STRIP, trainer=TRAINER, dataset_dir=None, **sidecar):
    """What is told of weights with this sidecar."""
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(folder / "model_best.pt", torch.nn.Conv3d(1, 1, 1), {"threshold": 0.41, "epoch": 7, **sidecar})
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="scripts"):
        tell_end(trainer, folder, on, dataset_dir)
    return caplog.messages


def scores(kind, dice, auroc):
    return {f"{kind}_dice": dice, f"{kind}_auroc": auroc, "threshold": 0.41}


def test_the_best_epoch_and_what_its_scores_are_of(tmp_path, caplog):
    told = lines(tmp_path, caplog, **{"validation": scores("val", 0.81239, 0.9)})
    assert told == [
        "best epoch 7 of 10: val_dice 0.8124, val_auroc 0.9000, threshold 0.4100, measured on " + STRIP.on,
        f"weights: {tmp_path / 'model_best.pt'} (trained in 2 min 3 s)",
    ]
    before = {"validation_before": scores("val", 0.7, 0.8)}
    told = lines(tmp_path, caplog, **{"validation": scores("val", 0.81239, 0.9)}, **before)
    assert told[1] == "before training: val_dice 0.7000, val_auroc 0.8000, threshold 0.4100"


def test_a_training_that_made_nothing_better_says_so(tmp_path, caplog):
    begun = scores("val", 0.7, 0.8)
    told = lines(tmp_path, caplog, epoch=0, **{"validation": begun, "validation_before": begun})
    assert told[0] == (
        "no epoch scored higher than the weights that training began with, so model_best.pt keeps those: "
        "val_dice 0.7000, val_auroc 0.8000, threshold 0.4100, measured on " + STRIP.on
    )


def test_weights_that_training_did_not_better_may_have_a_voxel_classifier_that_did(tmp_path, caplog):
    begun, helped = scores("val", 0.7, 0.8), scores("val", 0.75, 0.85)
    classifier = {"share": 0.5, "val_dice_without": 0.7}
    about = {"validation": helped, "validation_before": begun, "voxel_classifier": classifier}
    told = lines(tmp_path, caplog, epoch=0, **about)
    assert told[0] == (
        "no epoch scored higher than the weights that training began with, so model_best.pt keeps those, with a voxel "
        "classifier beside them: val_dice 0.7500, val_auroc 0.8500, threshold 0.4100, before val_dice 0.7000, "
        "val_auroc 0.8000, threshold 0.4100, measured on " + STRIP.on
    )


def test_scores_on_what_trained_are_called_that(tmp_path, caplog):
    told = lines(tmp_path, caplog, on=ITSELF, epoch=10, **{"validation": scores("train", 0.9, 0.99)})
    assert told[0] == (
        "epoch 10 of 10: train_dice 0.9000, train_auroc 0.9900, threshold 0.4100, measured on what trained, "
        "which chose the threshold too: expect less elsewhere"
    )


def test_a_training_that_had_nothing_to_do_took_no_time(tmp_path, caplog):
    idle = SimpleNamespace(state=SimpleNamespace(epoch=10, times={"COMPLETED": None}))
    assert lines(tmp_path, caplog, trainer=idle)[-1] == f"weights: {tmp_path / 'model_best.pt'}"


def test_without_weights_there_is_only_a_warning(tmp_path, caplog):
    tell_end(TRAINER, tmp_path, STRIP, tmp_path)
    assert caplog.messages == [
        f"{tmp_path / 'model_best.pt'}: does not exist, because the Dice was undefined in every epoch"
    ]


# -- the next command --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset_dir", ["my data", ["my data", "others"]], ids=["one dataset", "two"])
def test_the_next_command_segments_the_first_dataset(dataset_dir, tmp_path, caplog, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, told = lines(tmp_path / "a folder", caplog, dataset_dir=dataset_dir)[-2:]
    assert shlex.split(told.removeprefix("next: ")) == [
        *("python", "-m", "monai.bundle", "run", "--config_file", str(BUNDLE / "configs" / "inference.json")),
        *("--bundle_root", str(BUNDLE), "--dataset_dir", str(tmp_path / "my data")),
        *("--output_dir", str(tmp_path / "a folder" / "segmented")),
        *("--ckpt_path", str(tmp_path / "a folder" / "model_best.pt")),
    ]


def test_of_a_folder_of_datasets_the_next_command_segments_the_first(tmp_path, caplog):
    for name in ("b", "a"):
        (tmp_path / "sets" / name / "images").mkdir(parents=True)
        (tmp_path / "sets" / name / "labels").mkdir()
    told = lines(tmp_path / "w", caplog, dataset_dir=tmp_path / "sets")[-1]
    assert f"--dataset_dir {tmp_path / 'sets' / 'a'} " in told


def test_the_next_command_is_of_the_program_that_was_started(monkeypatch):
    for program, command in (("tubenet", "finetune"), ("python -m scripts", "train")):
        monkeypatch.setattr("sys.argv", [f"{program} {command}", "run", "--seed", "1"])
        assert next_command("a b/c.tif", "out", "w.pt") == f"{program} segment 'a b/c.tif' out --ckpt_path w.pt"
    monkeypatch.setattr("sys.argv", ["/my train/monai/bundle/__main__.py", "run"])
    monkeypatch.chdir(BUNDLE)
    assert next_command("x", "out", "w.pt", threshold=0.5) == (
        "python -m monai.bundle run --config_file configs/inference.json --dataset_dir x --output_dir out "
        "--ckpt_path w.pt --threshold 0.5"
    )


def test_the_next_command_has_the_channel(tmp_path, caplog):
    lines(tmp_path, caplog)
    with caplog.at_level(logging.INFO, logger="scripts"):
        tell_end(TRAINER, tmp_path, STRIP, tmp_path / "data", channel=1)
    assert caplog.messages[-1].endswith("--channel 1")


def test_the_same_command_is_what_was_typed(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/my/monai/bundle/__main__.py", "run", "--config_file", "['a.json','b.json']"])
    assert same_command() == """python -m monai.bundle run --config_file "['a.json','b.json']\""""
    monkeypatch.setattr("sys.argv", ["python -m scripts train", "run", "--config_file", "c.json", "--seed", "1"])
    assert same_command(resume=True) == "python -m scripts train --seed 1 --resume true"
    for typed in (["--resume", "--seed", "1"], ["--resume", "true", "--seed", "1"], ["--seed", "1", "--resume"]):
        monkeypatch.setattr("sys.argv", ["python -m scripts train", *typed])
        assert same_command() == "python -m scripts train --seed 1"


def test_the_same_command_of_a_program_can_be_pasted(tmp_path, monkeypatch):
    """Its words are read as those that were typed, overlays too, and a resumed one is resumed again."""
    (tmp_path / "my data").mkdir()
    typed = [
        str(tmp_path / "my data"),
        "out",
        "--overlays",
        "loss_focal",
        "--overlays",
        "published",
        "--epochs",
        "3",
        "--resume",
    ]
    finetune = WORKFLOWS["finetune"]
    arguments = finetune.monai_words(finetune.read(typed))
    monkeypatch.setattr("sys.argv", ["tubenet finetune", "run", *arguments])
    for resume in (True, False):
        words = shlex.split(same_command(resume))
        assert words[:2] == ["tubenet", "finetune"]
        again = finetune.read(words[2:])
        assert again.overlays == finetune.read(typed).overlays
        assert again.options.get("resume") == ("true" if resume else None)
        assert {**again.options, "resume": "true"} == finetune.read(typed).options


def test_on_windows_words_with_spaces_are_in_double_quotes():
    words = ["tubenet", "segment", r"C:\my data\a.tif", r"C:\out", "--x", "[4, 8]"]
    assert _quoted(words, windows=True) == r'tubenet segment "C:\my data\a.tif" C:\out --x "[4, 8]"'


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({"channels": [16, 32, 64, 128, 128, 128], "dropout": 0.1}, ""),
        ({"channels": [4, 4, 8], "attention": True}, "--network_def#channels [4, 4, 8] --network_def#attention True"),
        ({"channels": [16, 32, 64, 128, 128, 128], "out_channels": 3}, "--network_def#out_channels 3"),
    ],
)
def test_another_network_than_inference_has_is_told(arguments, options, tmp_path, caplog, monkeypatch):
    network = TubeNet(**arguments)
    save_weights(tmp_path / "model_best.pt", network, {"threshold": 0.5, "epoch": 1, "network": network.arguments})
    with caplog.at_level(logging.INFO, logger="scripts"):
        tell_end(TRAINER, tmp_path, STRIP, tmp_path / "data", network.arguments)
    words = shlex.split(caplog.messages[-1])
    after = words[words.index("--ckpt_path") + 2 :]
    assert " ".join(after) == options


def test_the_last_line_can_be_pasted_into_a_shell(bundle, tiny_dataset, tmp_path):
    """From another folder, with spaces in all paths, and with a network that inference has to be told of."""
    data, weights = tmp_path / "my data", tmp_path / "my weights"
    data.symlink_to(tiny_dataset)
    options = {"network_def#channels": [4, 4, 8, 8, 8, 8], "network_def#attention": True, "patch_size": [32, 32, 32]}
    done = bundle.run(
        ("train", "overlays/attention"),
        **{"epochs": 1, "iterations_per_epoch": 1, "batch_size": 1, **options},
        **{"dataset_dir": data, "ckpt_dir": weights, "bundle_root": BUNDLE},
        cwd=tmp_path,
    ).ok()
    last = done.stderr.strip().splitlines()[-1]
    command = last.partition("next: ")[2].replace("python ", f"{shlex.quote(sys.executable)} ", 1)
    assert subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, check=True)
    assert [path.name for path in (weights / "segmented").iterdir()] == ["a_seg.tif"]
    assert json.loads((weights / "model_best.json").read_text())["network"]["attention"] is True
