import signal
import sys
import time
from pathlib import Path

import pytest

from scripts.commands.study import process
from scripts.commands.study.process import PrunedError, rows_of, shown, train
from scripts.core import CONFIGS, UserError
from scripts.core.configs import load_config
from scripts.study import Trial


def written_by(code, monkeypatch):
    """A training that is a few lines of Python, which get the folder of the weights."""
    monkeypatch.setattr(
        process, "_command", lambda configs, own, first=(): [sys.executable, "-c", code, str(own.parent / "weights")]
    )


EPOCHS = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
folder.mkdir(exist_ok=True)
for epoch in range(1, 6):
    with (folder / "epochs.csv").open("a") as file:
        file.write("epoch,val_dice\\n" * (epoch == 1) + f"{epoch},{epoch / 10 if epoch > 1 else ''}\\n")
    time.sleep(0.7)
(folder / "model_best.pt").touch()
"""
TRIAL = Trial(
    "focal", 3, Path("data"), Path("scored"), {}, ("overlays/loss_focal",), {"learning_rate": 0.1, "epochs": 9}
)


def test_every_row_is_told_once(tmp_path, monkeypatch):
    written_by(EPOCHS, monkeypatch)
    rows = []
    weights, command = train(tmp_path, TRIAL, {"epochs": 2, "overlap": 0.5}, lambda row: rows.append(row) is None)
    assert rows == [{"epoch": 1.0}, *({"epoch": epoch, "val_dice": epoch / 10} for epoch in range(2, 6))]
    assert weights == tmp_path / "weights" / "model_best.pt"
    assert command.startswith("python -c ")
    ids = load_config(tmp_path / "train.json")
    assert (ids["seed"], ids["learning_rate"], ids["overlap"], ids["unlabelled_value"]) == (3, 0.1, 0.5, 2)
    assert ids["epochs"] == 2  # the budget decides, not the trial
    train(tmp_path, TRIAL, {"epochs": 2, "overlap": 0.5}, lambda row: pytest.fail("it is done"))
    train(tmp_path, TRIAL, {"epochs": 2, "overlap": 0.25}, lambda row: rows.append(row) is None)
    assert len(rows) == 10  # another training, from the beginning


def test_weights_of_a_training_that_was_killed_are_not_taken_for_a_trained_ones(tmp_path, monkeypatch):
    """Fine-tuning writes the best weights before its first epoch, and what it can go on from after it."""
    written_by("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", monkeypatch)
    with pytest.raises(UserError, match="a command failed"):
        train(tmp_path, TRIAL, {})
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "model_best.pt").write_text("of epoch 0")
    written_by(EPOCHS, monkeypatch)
    rows = []
    weights, _ = train(tmp_path, TRIAL, {}, lambda row: rows.append(row) is None)
    assert len(rows) == 5
    assert weights.read_bytes() == b""


def test_what_can_be_gone_on_from_is(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "_command", lambda configs, own, first=(): ["python", "train"])
    ran = []
    monkeypatch.setattr(process, "_run", lambda command, log, look: ran.append(command))
    for _ in range(2):
        with pytest.raises(UserError, match="was not written"):
            train(tmp_path, TRIAL, {})
        (tmp_path / "weights").mkdir(exist_ok=True)
        (tmp_path / "weights" / "resume.pt").touch()
    assert ran == [["python", "train"], ["python", "train", "--resume", "true"]]


@pytest.mark.parametrize("handler", [signal.default_int_handler, signal.SIG_IGN], ids=["terminal", "background"])
def test_a_training_that_shall_not_go_on_is_ended(handler, tmp_path, monkeypatch):
    """In a study, too, that a script has begun in the background, where Ctrl-C is ignored."""
    written_by(EPOCHS, monkeypatch)
    known = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(PrunedError):
            train(tmp_path, TRIAL, {}, lambda row: row["epoch"] < 2)
    finally:
        signal.signal(signal.SIGINT, known)
    before = rows_of(tmp_path / "weights" / "epochs.csv")
    time.sleep(1.5)
    assert rows_of(tmp_path / "weights" / "epochs.csv") == before
    assert len(before) < 5


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise SystemExit('error: no memory')", r"log\.txt: a command failed: error: no memory; read what it printed"),
        ("raise SystemExit(3)", "a command failed: it printed nothing"),
        ("pass", r"model_best\.pt: was not written, because no epoch had a score"),
    ],
)
def test_a_training_that_fails_says_why(code, told, tmp_path, monkeypatch):
    written_by(code, monkeypatch)
    with pytest.raises(UserError, match=told):
        train(tmp_path, TRIAL, {})


def test_configs_are_laid_over_one_another_in_order():
    words = process._command(["overlays/loss_focal", "overlays/study"], Path("own.json"))
    files = [str(CONFIGS / f"{name}.json") for name in ("train", "overlays/loss_focal", "overlays/study")]
    assert words[1:6] == ["-m", "monai.bundle", "run", "--config_file", str([*files, "own.json"])]


def test_a_command_can_be_typed():
    assert shown(["/usr/bin/python3", "-m", "a", "['b','c d']", "e f"]) == "python -m a \"['b','c d']\" 'e f'"
    assert shown(["python", "it's $HOME"]) == """python 'it'"'"'s $HOME'"""
