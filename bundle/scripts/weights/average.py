"""The mean of several weights, often better than each if trained from the same start.

Wortsman M. et al., *Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
inference time*, ICML 2022 (the uniform soup).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.optim.swa_utils import AveragedModel

from scripts.core import refuse

from .checkpoint import WITHOUT_WEIGHTS, Checkpoint, save_weights
from .sidecar import TUNED_SHARE, VOXEL_CLASSIFIER, sidecar_path

ALIKE = ("network", "normalisation", "label_values")
"""Parts of the sidecar that must be the same in all weights, or their mean makes no sense."""
OF_ONE_TRAINING = (
    *("epoch", "validation", "validation_before", "validated_on", "finetuned_from"),
    *(TUNED_SHARE, VOXEL_CLASSIFIER),
)


def average_weights(ckpt_paths: Sequence[str | Path], output_path: str | Path) -> Path:
    """Write the unweighted mean of several weights.

    The threshold is the mean of theirs, only a first guess: train a few steps from the mean to find its own.

    Args:
        ckpt_paths: two or more `X.pt` of the same network, whose trainings began at the same weights; the mean of
            others is worthless, and the files do not show it.
        output_path: `Y.pt` to write.

    Returns:
        `Y.pt`.

    Raises:
        UserError: if weights or a sidecar are missing; for fewer than two weights or one named twice, for weights that
            do not belong together, or if `output_path` is one of them.
    """
    named = isinstance(ckpt_paths, list | tuple) and all(isinstance(path, str | Path) for path in ckpt_paths)
    if not named or len({Path(path).resolve() for path in ckpt_paths}) < max(2, len(ckpt_paths)):
        problem = "are not two weights or more, each named once"
        refuse(f"--ckpt_paths {ckpt_paths}", problem, "write \"['A.pt','B.pt']\"")
    output = Path(output_path)
    if output.resolve() in [Path(path).resolve() for path in ckpt_paths]:
        refuse(output, "is one of the weights to average", "give the mean another name")
    checkpoints = [Checkpoint(path, option="--ckpt_paths") for path in ckpt_paths]
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
            refuse(sidecar_path(checkpoint.path), problem, "average only weights that agree in this")


def _without_rates(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: argument for name, argument in value.items() if name not in WITHOUT_WEIGHTS}
