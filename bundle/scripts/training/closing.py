"""The last lines of a training: what its scores were measured on, where its weights are."""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events

from scripts.core import BUNDLE, CONFIGS, duration, tell_result
from scripts.data import dataset_folders
from scripts.network import TubeNet
from scripts.weights import WITHOUT_WEIGHTS, read_sidecar

from .handlers import score_text
from .validation import Validation

logger = logging.getLogger(__name__)

SEGMENTED = "segmented"
"""Folder beside the weights into which the next command segments."""
COMMANDS = {"train": 1, "finetune": 2, "pretrain": 2}
"""Commands of a program that has a command `segment` too, and how many configs each runs."""
MONAI = "monai.bundle"


@idist.one_rank_only()
def tell_end(
    trainer: Engine,
    ckpt_dir: str | Path,
    validation: Validation,
    dataset_dir: str | Path | Sequence[str | Path] | None = None,
    network: Mapping[str, Any] | None = None,
    channel: int | str | None = None,
    level: int = 0,
) -> None:
    """Log the best epoch, its scores and what they are of, the weights, and what to do next.

    With several processes, only the first does.

    Args:
        trainer: MONAI's trainer, which has run, or had nothing to do.
        ckpt_dir: folder with `model_best.pt`.
        validation: what the scores are measured on.
        dataset_dir: what was trained on; the next command segments it. Without it there is none.
        network: the network's arguments; those that `inference.json` does not have are part of the next command.
        channel: of images that have several; also part of it.
        level: of pyramids; also part of it, unless it is 0.

    Raises:
        UserError: if the sidecar of the weights is damaged.
    """
    best = Path(ckpt_dir).resolve() / "model_best.pt"  # so that it can be copied and used from any folder
    if not best.is_file():
        logger.warning("%s: does not exist, because the Dice was undefined in every epoch", best)
        return
    sidecar = read_sidecar(best)
    for line in (*_scores(sidecar, trainer.state.epoch, validation), _kept(best, trainer)):
        tell_result("%s", line)
    if folders := dataset_folders(dataset_dir):
        output = best.with_name(SEGMENTED)
        options = _differing(network or {}) | ({} if channel is None else {"channel": channel})
        options |= {"level": level} if level else {}
        tell_result("next: %s", next_command(Path(folders[0]).resolve(), output, best, **options))


def _scores(sidecar: Mapping[str, Any], last: int, validation: Validation) -> list[str]:
    """Return the lines that tell how good the weights are."""
    epoch, scores, before = sidecar["epoch"], sidecar.get("validation", {}), sidecar.get("validation_before", {})
    if not validation.held_out:
        told = "measured on what trained, which chose the threshold too: expect less elsewhere"
        return [f"epoch {epoch} of {last}: {_numbers(scores)}, {told}"]
    told = f"measured on {validation.told}"
    helped = (sidecar.get("voxel_classifier") or {}).get("share", 0) > 0
    if epoch == 0:
        begun = "no epoch scored higher than the weights that training began with, so model_best.pt keeps those"
        begun += ", with a voxel classifier beside them" if helped else ""
        without = f", before {_numbers(before)}" if helped else ""
        return [f"{begun}: {_numbers(scores)}{without}, {told}"]
    lines = [f"best epoch {epoch} of {last}: {_numbers(scores)}, {told}"]
    if before:
        lines.append(f"before training: {_numbers(before)}")
    return lines


def _kept(best: Path, trainer: Engine) -> str:
    """Return the line that tells where the weights are, and how long they took."""
    seconds = trainer.state.times.get(Events.COMPLETED.name)  # None where there was nothing to do
    return f"weights: {best}" + (f" (trained in {duration(seconds)})" if seconds else "")


def _differing(network: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that tell `inference.json` of another network than its own."""
    own = json.loads((CONFIGS / "inference.json").read_text())["network_def"]
    with torch.device("meta"):  # its arguments alone
        usual = TubeNet(**{name: value for name, value in own.items() if not name.startswith("_")}).arguments
    differing = [name for name, value in network.items() if name not in WITHOUT_WEIGHTS and value != usual[name]]
    return {f"network_def#{name}": network[name] for name in differing}


def _numbers(scores: Mapping[str, float]) -> str:
    return ", ".join(score_text(name, value) for name, value in scores.items())


def next_command(image: str | Path, output_dir: str | Path, ckpt_path: str | Path, **options: Any) -> str:
    """Return the command that segments with trained weights, to be copied into a shell.

    Args:
        image: a volume, or a folder of them.
        output_dir: where segmentations shall go.
        ckpt_path: the weights.
        options: further options of `inference.json` by name.

    Returns:
        `tubenet segment IMAGE OUT --ckpt_path X.pt` in a `tubenet train`, and likewise for `python -m scripts train`;
        otherwise it is one of `python -m monai.bundle run`. All are for the folder that this one was started in.
    """
    further = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    weights = ["--ckpt_path", str(ckpt_path), *further]
    program, _, command = sys.argv[0].rpartition(" ")
    if command in COMMANDS:
        return f"{program} {_quoted(['segment', str(image), str(output_dir), *weights])}"
    here = Path.cwd() == BUNDLE
    config = "configs/inference.json" if here else str(CONFIGS / "inference.json")
    root = [] if here else ["--bundle_root", str(BUNDLE)]
    start = ["python", "-m", MONAI, "run", "--config_file", config, *root]
    return _quoted([*start, "--dataset_dir", str(image), "--output_dir", str(output_dir), *weights])


def same_command(resume: bool = False) -> str:
    """Return the command that started this process, as one line for a shell.

    It is for the folder that the process was started in.

    Args:
        resume: with `--resume true`, otherwise without.
    """
    program, _, command = sys.argv[0].rpartition(" ")
    # a bare --resume means true
    given = [
        word
        for before, word in pairwise(["", *sys.argv[1:]])
        if word != "--resume" and (before != "--resume" or word.startswith("--"))
    ]
    pairs = iter(given)
    words = []
    for word in pairs:
        if command in COMMANDS and word == "run":
            continue
        elif command in COMMANDS and word == "--bundle_root":
            next(pairs, None)
        elif command in COMMANDS and word == "--config_file":
            files = re.findall(r"[^\[\]',]+\.json", next(pairs, ""))
            words += [part for file in files[COMMANDS[command] :] for part in ("--overlays", file)]
        elif not word.startswith("--resume="):
            words.append(word)
    words += ["--resume", "true"] if resume else []
    return (
        f"{program} {_quoted([command, *words])}" if command in COMMANDS else _quoted(["python", "-m", MONAI, *words])
    )


def _quoted(words: Sequence[str], windows: bool = os.name == "nt") -> str:
    """Return words as one line for this system's shell, those with spaces in quotes."""
    if windows:
        return " ".join(f'"{word}"' if re.search(r"[^\w.:/\\-]", word) else word for word in words)
    # a list of configs has single quotes inside, which shlex would write as five characters each
    return " ".join(
        f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word) for word in words
    )
