import json
from pathlib import Path

import optuna
import pytest

from scripts.commands.study import work as module
from scripts.commands.study.process import PrunedError
from scripts.commands.study.work import Work, example_of, machine, software
from scripts.core import UserError
from scripts.study import Storage, Trial, read_description
from tests.helpers.dataset_examples import write_tubes

PLAN = [
    Trial(loss, 0, None if loss == "shipped" else Path("t"), Path("s"), {"loss": loss})
    for loss in ("a", "b", "shipped")
]


@pytest.fixture
def done(tmp_path, monkeypatch):
    """Do a study whose trainings and scorings are told in advance; the storage and the files are real."""

    def do(trainings, scores, design="compare"):
        def train(folder, trial, options, keep_going):
            (folder / "weights").mkdir(parents=True)
            found = trainings[trial.variant]
            if isinstance(found, Exception):
                raise found
            if not keep_going({"epoch": len(found), "val_dice": found[-1]}):
                raise PrunedError
            lines = [f"{epoch},{5 * epoch},2.5,{score}" for epoch, score in enumerate(found, 1)]
            (folder / "weights" / "epochs.csv").write_text("\n".join(["epoch,iteration,seconds,val_dice", *lines]))
            return folder / "weights" / "model_best.pt", f"train {trial.variant}"

        def evaluate(folder, dataset, weights, metrics, device):
            folder.mkdir(parents=True)
            name = PLAN[int(folder.parent.name)].variant
            (folder / "metrics.json").write_text(json.dumps({"cases": {"v": scores[name]}}))
            return f"evaluate {name}"

        monkeypatch.setattr(module, "train", train)
        monkeypatch.setattr(module, "evaluate", evaluate)
        storage = Storage(f"sqlite:///{tmp_path / 'a.db'}", "losses", tmp_path / "losses_trials")
        storage.enqueue(PLAN)
        description = {**read_description("losses")[1], "design": design, "example": False}
        about = {"budget_minutes": 1, "seeds": [0], "iterations_per_epoch": 5, "batch_size": 2, "dataset": "d"}
        about |= {"held_out": "a quarter", "software": software(), "machine": machine("cpu"), "example": None}
        work = Work("losses", description, PLAN, storage, tmp_path, {"epochs": 2}, about, "dark")
        return work.do_all(), json.loads((tmp_path / "losses.json").read_text())["trials"]

    return do


SCORES = {name: {"auroc": value} for name, value in (("a", 0.7), ("b", 0.8), ("shipped", 0.9))}


def test_every_trial_is_trained_and_scored(done, caplog):
    caplog.set_level("INFO")
    problems, trials = done({"a": [0.2, 0.4], "b": [0.6, 0.5]}, SCORES)
    assert problems == []
    assert [trial["scores"]["v"]["auroc"] for trial in trials] == [0.7, 0.8, 0.9]
    assert [trial["validation"] for trial in trials] == [0.4, 0.6, None]
    assert [trial["command"] for trial in trials] == ["train a", "train b", "evaluate shipped"]
    assert (trials[0]["steps"], trials[0]["train_seconds"], trials[0]["step_seconds"]) == (10, 5.0, 0.5)
    assert "trial 1 of 3 (a, seed 0): auroc 0.700; 2 trials left, " in caplog.text


def test_one_that_fails_or_is_stopped_leaves_the_others(done):
    problems, trials = done({"a": UserError("a.tif: broken; mend it"), "b": PrunedError()}, SCORES)
    assert problems == ["a.tif: broken; mend it"]
    assert [trial["state"] for trial in trials] == ["failed", "pruned", "complete"]
    assert trials[0]["problem"] == "a.tif: broken; mend it"


def test_a_training_that_has_come_to_its_end_is_not_stopped_any_more(done, monkeypatch):
    monkeypatch.setattr(optuna.trial.Trial, "should_prune", lambda trial: True)
    _, trials = done({"a": [0.2], "b": [0.6, 0.5]}, SCORES, design="search")  # of two epochs
    assert [trial["state"] for trial in trials] == ["pruned", "complete", "complete"]


def test_a_search_scores_what_validated_best_whatever_the_held_out_part_says(done):
    _, trials = done({"a": [0.2, 0.7], "b": [0.6, 0.5]}, SCORES, design="search")
    assert [trial["scores"] for trial in trials] == [{"v": {"auroc": 0.7}}, {}, {}]


def test_the_example_is_the_first_volume_and_its_part(tmp_path):
    dataset = write_tubes(tmp_path, "v", (40, 36, 15))
    found = example_of(dataset)
    assert (found["volume"], found["box"]) == ("v", "0:40,0:36,0:15")
    assert found["image"] == str(dataset / "images" / "v.tif")
