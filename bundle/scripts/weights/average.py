"""The mean of several weights: trainings that began at the same ones end near each other, and between them lies better.

Wortsman M. et al., *Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
inference time*, ICML 2022 (the uniform soup).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.optim.swa_utils import AveragedModel

from scripts.core import refuse

from .checkpoint import WITHOUT_WEIGHTS, Checkpoint, save_weights, sidecar_path

ALIKE = ("network", "normalisation", "label_values")
"""Parts of the sidecars; weights that differ in these mean different things."""
OF_ONE_TRAINING = ("epoch", "validation", "finetuned_from")


def average_weights(ckpt_paths: Sequence[str | Path], output_path: str | Path) -> Path:
    """Write the mean of several weights, each counting as much as the others.

    The threshold is the mean of theirs, a first guess: a few steps of training from the mean find its own.

    Args:
        ckpt_paths: two or more `X.pt` of the same network, of trainings that began at the same weights; the mean of
            others is worthless, and nothing in the files tells.
        output_path: `Y.pt`.

    Returns:
        `Y.pt`.

    Raises:
        UserError: where weights or a sidecar are missing; for fewer than two weights or one named twice, for some that
            do not belong together, or where `output_path` is one of them.
    """
    named = isinstance(ckpt_paths, list | tuple) and all(isinstance(path, str | Path) for path in ckpt_paths)
    if not named or len({Path(path).resolve() for path in ckpt_paths}) < max(2, len(ckpt_paths)):
        problem = "are not two weights or more, each named once"
        refuse(f"--ckpt_paths {ckpt_paths}", problem, "write \"['A.pt','B.pt']\"")
    output = Path(output_path)
    if output.resolve() in [Path(path).resolve() for path in ckpt_paths]:
        refuse(output, "is one of the weights to average", "give the mean another name")
    checkpoints = [Checkpoint(path) for path in ckpt_paths]
    networks = [checkpoint.as_network() for checkpoint in checkpoints]
    first = checkpoints[0]
    for other in checkpoints[1:]:
        _check_alike(other, first)

    mean = AveragedModel(networks[0])
    for network in networks:
        mean.update_parameters(network)
    sidecar = {name: value for name, value in first.sidecar.items() if name not in OF_ONE_TRAINING}
    sidecar["threshold"] = sum(each.sidecar["threshold"] for each in checkpoints) / len(checkpoints)
    sidecar["trained_on"] = [each.sidecar.get("trained_on") for each in checkpoints]
    sidecar["averaged_from"] = [
        {"weights": each.path.name, "sha256": each.sha256, "finetuned_from": each.sidecar.get("finetuned_from")}
        for each in checkpoints
    ]
    save_weights(output, mean.module, sidecar)
    return output


def _check_alike(checkpoint: Checkpoint, first: Checkpoint) -> None:
    for title in ALIKE:
        here, there = (_without_rates(each.sidecar.get(title)) for each in (checkpoint, first))
        if here != there:
            problem = f"{title} is {here}, and {there} in {sidecar_path(first.path)}"
            refuse(sidecar_path(checkpoint.path), problem, "only weights that are alike in this have a mean")


def _without_rates(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: argument for name, argument in value.items() if name not in WITHOUT_WEIGHTS}
