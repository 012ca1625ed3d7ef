"""Train on a part of a volume and score the result by the real commands; nothing is done twice."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from scripts.commands import EVALUATE, FINETUNE, TRAIN, run_bundle
from scripts.core import BUNDLE, refuse, write_text
from scripts.core.configs.files import merge_configs
from scripts.study import NOT_LABELLED

FINE_TUNED, FROM_SCRATCH = "fine-tuned", "from scratch"
SCHEDULE = ("epochs", "iterations_per_epoch", "batch_size", "val_interval")
"""Options of finetune.json that decide how many steps a training takes; one from scratch takes as many."""
LEFT = ("resume.pt", "model_last.pt", "model_last.json")
DONE = "trained.json"
WITHOUT_INT8 = {"train#calibrates": False}  # or the seconds of a training would depend on what is installed
TIMED = 3  # steps, of which the first, which is slower, does not count


@dataclass(frozen=True)
class Recipe:
    """How a training is run: the configs of the bundle, and options.

    Attributes:
        weights: what fine-tuning starts from.
        overlays: configs that go over all others, as absolute paths or relative to the bundle.
        options: of every training.
    """

    weights: Path
    overlays: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def configs(self, method: str) -> list[str]:
        """Return the configs of a training."""
        return [TRAIN, *([FINETUNE] if method == FINE_TUNED else []), *self.overlays]

    def chosen(self, method: str) -> dict[str, Any]:
        """Return the options of a training; from scratch those that make it as long as fine-tuning."""
        if method == FINE_TUNED:
            return {**self.options, "ckpt_path": self.weights}
        tuned = merge_configs([str(BUNDLE / each) for each in (TRAIN, FINETUNE)])
        return {**{name: tuned[name] for name in SCHEDULE}, **self.options}

    def merged(self, method: str) -> dict[str, Any]:
        """Return the whole config of a training."""
        return merge_configs([str(BUNDLE / each) for each in self.configs(method)]) | self.chosen(method)

    def steps(self, method: str) -> int:
        """Return how many steps a training takes at most."""
        config = self.merged(method)
        return int(config["epochs"]) * int(config["iterations_per_epoch"])

    def settings(self, method: str) -> str:
        """Return all that decides what a training computes, but for its data and its seed, as a short text."""
        config = self.merged(method)
        config.pop("ckpt_path")  # known by its hash
        hashed = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()
        return json.dumps({"config": hashed[:12], **{name: str(each) for name, each in self.options.items()}})


def train(folder: Path, dataset: Path, recipe: Recipe, method: str, seed: int, key: str) -> tuple[Path, float]:
    """Train on a dataset of `write_part`, unless that has been done.

    One that was stopped begins again, so that its seconds are those of one run.

    Args:
        folder: becomes `model_best.pt`, `epochs.csv` and `trained.json`; what else is there is removed.
        dataset: what trains.
        recipe: how.
        method: `FINE_TUNED` or `FROM_SCRATCH`.
        seed: of the training.
        key: all that the result depends on.

    Returns:
        The weights, and the seconds that the command took.

    Raises:
        UserError: if the training fails, or no epoch had a score.
    """
    best, done = folder / "model_best.pt", folder / DONE
    if done.is_file() and best.is_file() and (known := json.loads(done.read_text()))["key"] == key:
        return best, known["seconds"]
    shutil.rmtree(folder, ignore_errors=True)
    options = {"dataset_dir": dataset, "unlabelled_value": NOT_LABELLED, "ckpt_dir": folder, "seed": seed}
    options |= WITHOUT_INT8
    begun = time.monotonic()
    run_bundle(recipe.configs(method), **options, **recipe.chosen(method))
    seconds = time.monotonic() - begun
    if not best.is_file():
        refuse(best, "was not written, because no epoch had a score", "label more, or more evenly")
    for name in LEFT:
        (folder / name).unlink(missing_ok=True)
    write_text(done, json.dumps({"key": key, "seconds": seconds}))
    return best, seconds


def evaluate(
    folder: Path, dataset: Path, weights: Path, overlays: Sequence[str] = (), **options: Any
) -> dict[str, float]:
    """Score weights on the volume of a dataset of `write_part`, as they are shipped: own threshold, own cleaning.

    Args:
        folder: becomes `metrics.json` and all else that the evaluation writes.
        dataset: what is scored.
        weights: the weights.
        overlays: see `Recipe`.
        options: further ones of the command.

    Returns:
        The scores of the volume by name; what is undefined is NaN.

    Raises:
        UserError: if the evaluation fails; what it printed says why.
    """
    given = {"dataset_dir": dataset, "output_dir": folder, "unlabelled_value": NOT_LABELLED, "ckpt_path": weights}
    run_bundle([TRAIN, EVALUATE, *overlays], **given, engine="torch", **options)
    return scores_in(folder)


def scores_in(folder: Path) -> dict[str, float]:
    """Return the scores of the one volume that an evaluation wrote into a folder; what is undefined is NaN."""
    (scores,) = json.loads((folder / "metrics.json").read_text())["cases"].values()
    return {name: float("nan") if value is None else value for name, value in scores.items()}


def step_seconds(recipe: Recipe) -> float:
    """Measure what a step of fine-tuning takes on this machine, reading and drawing aside."""
    parser = ConfigParser()
    parser.read_config([str(BUNDLE / each) for each in recipe.configs(FINE_TUNED)])
    parser.update({"bundle_root": str(BUNDLE), **recipe.options, "ckpt_path": str(recipe.weights)})
    network, loss, inferer = (parser.get_parsed_content(each) for each in ("network", "loss", "train#inferer"))
    shape = (int(parser.get("batch_size")), 1, *parser.get("patch_size"))
    device = next(network.parameters()).device
    image = torch.rand(shape, device=device)  # (B, 1, X, Y, Z)
    label = (image > 0.9).long()
    optimizer = torch.optim.Adam(network.parameters())
    seconds = []
    for _ in range(TIMED):
        begun = time.perf_counter()
        optimizer.zero_grad()
        found = inferer(image, network)
        loss(found, label).backward()
        optimizer.step()
        float(found.detach().sum())  # which waits for a GPU
        seconds.append(time.perf_counter() - begun)
    return min(seconds[1:])
