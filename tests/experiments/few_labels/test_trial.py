"""Trainings that are as long as one another, none of which is done twice; what they run is written down."""

import json

import pytest

from experiments.few_labels import trial
from experiments.few_labels.trial import FINE_TUNED, FROM_SCRATCH, Recipe, evaluate, step_seconds, train
from scripts.commands import FINETUNE, TRAIN
from scripts.commands.option_table import options_of
from scripts.core import WEIGHTS
from scripts.study import NOT_LABELLED
from tests.helpers.bundle_command import TINY_NETWORK

OVERLAY = "configs/overlays/loss_focal.json"


def test_from_scratch_takes_as_many_steps_as_fine_tuning_may():
    recipe = Recipe(WEIGHTS)
    assert recipe.configs(FINE_TUNED) == [TRAIN, FINETUNE]
    assert recipe.configs(FROM_SCRATCH) == [TRAIN]
    assert recipe.steps(FROM_SCRATCH) == recipe.steps(FINE_TUNED)
    tuned, scratch = options_of("train", "finetune"), {**options_of("train"), **recipe.chosen(FROM_SCRATCH)}
    for name in ("epochs", "iterations_per_epoch", "batch_size", "val_interval"):
        assert scratch[name] == tuned[name]
    assert "ckpt_path" not in recipe.chosen(FROM_SCRATCH)
    assert recipe.chosen(FINE_TUNED) == {"ckpt_path": WEIGHTS}
    short = Recipe(WEIGHTS, options={"epochs": 2, "iterations_per_epoch": 3})
    assert short.steps(FINE_TUNED) == short.steps(FROM_SCRATCH) == 6


def test_settings_tell_of_options_and_configs_and_not_of_where_the_weights_lie(tmp_path):
    told = {
        Recipe(WEIGHTS, overlays, options).settings(method)
        for overlays, options in (((), {}), ((OVERLAY,), {}), ((), {"epochs": 2}))
        for method in (FINE_TUNED, FROM_SCRATCH)
    }
    assert len(told) == 6
    assert Recipe(tmp_path / "same.pt").settings(FINE_TUNED) == Recipe(WEIGHTS).settings(FINE_TUNED)


class Commands:
    """Stands in for `run_bundle`, and leaves what a training or an evaluation would."""

    def __init__(self, monkeypatch, left=("model_best.pt", "model_last.pt", "model_last.json", "resume.pt")):
        self.given, self.left, self.stop = [], left, False
        monkeypatch.setattr(trial, "run_bundle", self)

    def __call__(self, configs, **options):
        self.given.append((configs, options))
        folder = options["ckpt_dir"]
        assert not folder.exists()  # nothing of one that was stopped
        folder.mkdir(parents=True)
        for name in self.left:
            (folder / name).touch()
        if self.stop:
            raise KeyboardInterrupt


def test_a_training_is_done_once_and_one_that_was_stopped_begins_again(tmp_path, monkeypatch):
    commands, out = Commands(monkeypatch), tmp_path / "out"
    how = (out, tmp_path / "data", Recipe(WEIGHTS, (OVERLAY,), {"epochs": 2}), FINE_TUNED, 5)
    commands.stop = True
    with pytest.raises(KeyboardInterrupt):
        train(*how, "key")
    commands.stop = False
    weights, seconds = train(*how, "key")
    assert weights == out / "model_best.pt"
    assert {path.name for path in out.iterdir()} == {"model_best.pt", "trained.json"}
    assert train(*how, "key") == (weights, seconds)
    assert len(commands.given) == 2
    configs, options = commands.given[-1]
    assert configs == [TRAIN, FINETUNE, OVERLAY]
    assert options == {
        **{"dataset_dir": tmp_path / "data", "ckpt_dir": out, "ckpt_path": WEIGHTS},
        **{"unlabelled_value": NOT_LABELLED, "seed": 5, "epochs": 2, "train#calibrates": False},
    }
    train(*how, "another key")
    assert len(commands.given) == 3


def test_a_training_without_a_score_is_refused(tmp_path, monkeypatch):
    Commands(monkeypatch, left=("model_last.pt",))
    with pytest.raises(ValueError, match="was not written, because no epoch had a score; label more"):
        train(tmp_path / "out", tmp_path, Recipe(WEIGHTS), FROM_SCRATCH, 0, "key")


def test_what_is_undefined_is_no_number(tmp_path, monkeypatch):
    def scored(configs, output_dir, **options):
        given = {"dataset_dir": "D", "unlabelled_value": NOT_LABELLED, "ckpt_path": "W", "engine": "torch"}
        assert options == {**given, "scale": 1}
        (output_dir / "metrics.json").write_text(json.dumps({"cases": {"v": {"dice": 0.5, "auroc": None}}}))

    monkeypatch.setattr(trial, "run_bundle", scored)
    scores = evaluate(tmp_path, "D", "W", scale=1)
    assert scores["dice"] == 0.5
    assert scores["auroc"] != scores["auroc"]


def test_the_time_of_a_step_is_that_of_the_configs_own_network(tmp_path, monkeypatch):
    overlay = tmp_path / "tiny.json"
    overlay.write_text(json.dumps(TINY_NETWORK))
    seen = []
    monkeypatch.setattr(trial.torch, "rand", lambda shape, **_: seen.append(shape) or trial.torch.ones(shape))
    assert 0 < step_seconds(Recipe(WEIGHTS, [str(overlay)], {"batch_size": 3})) < 60
    assert seen == [(3, 1, 32, 32, 32)]
