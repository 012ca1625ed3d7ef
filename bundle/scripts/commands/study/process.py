"""Run the commands of a trial, each a process whose log lies in the trial's folder."""

from __future__ import annotations

import csv
import ctypes
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts.core import BUNDLE, CONFIGS, read_json, refuse, write_text
from scripts.data.loaders import PR_SET_PDEATHSIG
from scripts.study import NOT_LABELLED, Trial

OVERLAP = 0.25  # of windows, in validation too
CROPPED = "$[*@load.values(), @validate#crop, @validate#select]"
"""Transforms of an evaluation that sees no more than what is labelled and the windows around it, as validation does."""
POLL = 0.5
"""Seconds between looks at what a training has written."""
COMMON = "overlays/study"
SCHEDULE = ("epochs", "iterations_per_epoch")
STATE = "training.json"
"""Which settings the weights in a trial's folder are of, and whether their training is done."""
LOG, EPOCHS, BEST, RESUME = "log.txt", "epochs.csv", "model_best.pt", "resume.pt"
Row = Mapping[str, float]


class PrunedError(Exception):
    """The training was stopped, because its validation was worse than that of others."""


def train(
    folder: Path, trial: Trial, options: Mapping[str, Any], keep_going: Callable[[Row], bool] = lambda row: True
) -> tuple[Path, str]:
    """Run a trial's training, from where it was if it was killed.

    Args:
        folder: of the trial; gets `train.json`, `training.json`, `weights/` and `log.txt`. Weights of a training with
            other settings are removed.
        trial: what to train.
        options: of every training of the study; the trial's own go over them, but for how many steps it takes.
        keep_going: is told each new row of the table of epochs, and says whether to go on.

    Returns:
        The best weights, and the command that trained them.

    Raises:
        PrunedError: if it was told not to go on.
        UserError: if the training fails, or no epoch had a score.
    """
    weights = folder / "weights"
    ids = {"dataset_dir": str(trial.trains), "unlabelled_value": NOT_LABELLED, "ckpt_dir": str(weights)}
    schedule = {name: options[name] for name in SCHEDULE if name in options}  # the budget's, of every training
    ids |= {"seed": trial.seed, **options, **trial.options, **schedule}
    configs = [*trial.configs, COMMON]
    command, key = _command(configs, folder / "train.json"), _key(ids, configs)
    state = _state(folder)
    if state.get("key") != key or not (state["done"] or (weights / RESUME).is_file()):
        # another training's, or one that was killed before there was anything to go on from
        shutil.rmtree(weights, ignore_errors=True)
        state = {"key": key, "done": False}
        write_text(folder / STATE, json.dumps(state) + "\n")
    write_text(folder / "train.json", json.dumps(ids, indent=2) + "\n")
    if not state["done"]:
        resume = ["--resume", "true"] if (weights / RESUME).is_file() else []
        _run([*command, *resume], folder / LOG, _told(weights / EPOCHS, keep_going))
        if not (weights / BEST).is_file():
            refuse(weights / BEST, "was not written, because no epoch had a score", "label more, or more evenly")
        write_text(folder / STATE, json.dumps({"key": key, "done": True}) + "\n")
        (weights / RESUME).unlink(missing_ok=True)  # as large as three times the weights
    return weights / BEST, shown(command)


def evaluate(folder: Path, dataset: Path, weights: Path, metrics: Sequence[str], options: Mapping[str, Any]) -> str:
    """Score weights on a dataset, at the size that its voxels have.

    Args:
        folder: becomes `metrics.json` and all else that an evaluation writes.
        dataset: to score on.
        weights: to score.
        metrics: which to compute.
        options: of the trainings, of which those that choose the device hold here too.

    Returns:
        The command.
    """
    ids = {"dataset_dir": str(dataset), "unlabelled_value": NOT_LABELLED, "ckpt_path": str(weights)}
    ids |= {"output_dir": str(folder), "engine": "torch", "scale": 1, "validate#metrics": list(metrics)}
    ids |= {"overlap": OVERLAP, "validate#preprocessing#transforms": CROPPED}
    ids |= {**_device_of(options), **_network_of(weights)}
    path = folder.with_name(f"{folder.name}.json")
    write_text(path, json.dumps(ids, indent=2) + "\n")
    command = _command(["evaluate"], path)
    _run(command, folder.parent / LOG)
    return shown(command)


def segment(folder: Path, image: str, weights: Path, options: Mapping[str, Any]) -> None:
    """Write the probability of vessel of one image into a folder; options as for `evaluate`."""
    ids = {"dataset_dir": image, "output_dir": str(folder), "ckpt_path": str(weights), "engine": "torch", "scale": 1}
    ids |= {"save_probability": True, **_device_of(options), **_network_of(weights)}
    path = folder.with_name(f"{folder.name}.json")
    write_text(path, json.dumps(ids, indent=2) + "\n")
    _run(_command(["inference"], path, first=()), folder.parent / LOG)


def rows_of(path: Path) -> list[dict[str, float]]:
    """Return the rows of a table of epochs; what is undefined is left out of its row."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return [{name: float(cell) for name, cell in row.items() if cell} for row in csv.DictReader(file)]


def shown(command: Sequence[str]) -> str:
    """Return a command as one types it."""
    # in double quotes where there are single ones inside, as in a list of configs
    words = [f'"{word}"' if "'" in word and not set(word) & set('"$`\\') else shlex.quote(word) for word in command[1:]]
    return " ".join(["python", *words])


def _key(ids: Mapping[str, Any], configs: Sequence[str]) -> str:
    """Return a hash of all that decides what a training computes."""
    texts = [(CONFIGS / f"{name}.json").read_text(encoding="utf-8") for name in ("train", *configs)]
    return hashlib.sha256(json.dumps([ids, *texts], sort_keys=True).encode()).hexdigest()


def _state(folder: Path) -> dict[str, Any]:
    path = folder / STATE
    return read_json(path, "remove it") if path.is_file() else {"key": None, "done": False}


def _device_of(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("device", "amp") if name in options}


def _network_of(weights: Path) -> dict[str, Any]:
    """Return the ids of a config by which the network is that of the weights."""
    network = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))["network"]
    return {f"network_def#{name}": value for name, value in network.items()}


def _command(configs: Sequence[str], own: Path, first: Sequence[str] = ("train",)) -> list[str]:
    files = [str(CONFIGS / f"{name}.json") for name in (*first, *configs)] + [str(own)]
    words = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(files)]
    return [*words, "--bundle_root", str(BUNDLE)]


def _told(path: Path, keep_going: Callable[[Row], bool]) -> Callable[[], bool]:
    """Return a function that tells of the rows that are new, and says whether to go on."""
    told = 0

    def look() -> bool:
        nonlocal told
        new = rows_of(path)[told:]
        told += len(new)
        return all([keep_going(row) for row in new])

    return look


def _run(command: Sequence[str], log: Path, look: Callable[[], bool] = lambda: True) -> None:
    """Run a command, its output at the end of a log.

    A Ctrl-C of the terminal reaches this process alone, which passes it on and waits.

    Raises:
        UserError: if it fails, with the last line that it wrote.
        PrunedError: if `look`, which is asked now and then, says that it shall not go on.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        file.write(f"$ {shown(command)}\n".encode())
        file.flush()
        begun = file.tell()
        child = subprocess.Popen(
            command, cwd=BUNDLE, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            process_group=0 if os.name == "posix" else None,  # so that a Ctrl-C does not reach it twice
            preexec_fn=_begin if os.name == "posix" else None,
        )  # fmt: skip
        try:
            while child.poll() is None:
                time.sleep(POLL)
                if not look():
                    raise PrunedError
            look()
        finally:
            if child.poll() is None:
                with suppress(ProcessLookupError):
                    child.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
                child.wait()
    if child.returncode:
        refuse(log, f"a command failed: {_last_line(log, begun)}", "read what it printed there", OSError)


def _begin() -> None:
    """Let this process end by Ctrl-C, and with its parent, however that ends."""
    # what a script has begun with `&` ignores it, and so would all that it begins
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _last_line(log: Path, begun: int) -> str:
    with log.open("rb") as file:
        file.seek(begun)
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it printed nothing"
