"""The mean of several weights: trainings that began at the same ones end near each other, and between them lies better.

Wortsman M. et al., *Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
inference time*, ICML 2022 (the uniform soup).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.optim.swa_utils import AveragedModel

from scripts.core import refuse, sha256

from .checkpoint import FREE, load_network, save_weights, sidecar_path

ALIKE = ("network", "normalisation", "label_values")  # of the sidecars: weights that differ in these mean other things


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
        UserError: where weights or a sidecar are missing.
        UserError: for fewer than two weights or one named twice, for some that do not belong together, or where
            `output_path` is one of them.
    """
    named = isinstance(ckpt_paths, list | tuple) and all(isinstance(path, str | Path) for path in ckpt_paths)
    if not named or len({Path(path).resolve() for path in ckpt_paths}) < max(2, len(ckpt_paths)):
        refuse(
            f"--ckpt_paths {ckpt_paths}", "are not two weights or more, each named once", "write \"['A.pt','B.pt']\""
        )
    paths, output = [Path(path) for path in ckpt_paths], Path(output_path)
    if output.resolve() in [path.resolve() for path in paths]:
        refuse(output, "is one of the weights to average", "give the mean another name")
    networks, sidecars = zip(*map(load_network, paths), strict=True)
    for path, sidecar in zip(paths[1:], sidecars[1:], strict=True):
        _check_alike(path, sidecar, paths[0], sidecars[0])

    mean = AveragedModel(networks[0])
    for network in networks:
        mean.update_parameters(network)
    told = {name: value for name, value in sidecars[0].items() if name not in ("epoch", "validation", "finetuned_from")}
    told["threshold"] = sum(sidecar["threshold"] for sidecar in sidecars) / len(sidecars)
    told["trained_on"] = [sidecar.get("trained_on") for sidecar in sidecars]
    told["averaged_from"] = [
        {"weights": path.name, "sha256": sha256(path), "finetuned_from": sidecar.get("finetuned_from")}
        for path, sidecar in zip(paths, sidecars, strict=True)
    ]
    save_weights(output, mean.module, told)
    return output


def _check_alike(path: Path, sidecar: dict[str, Any], first_path: Path, first: dict[str, Any]) -> None:
    for title in ALIKE:
        ours, theirs = (_without_rates(of_one.get(title)) for of_one in (sidecar, first))
        if ours != theirs:
            refuse(
                sidecar_path(path),
                f"{title} is {ours}, and {theirs} in {sidecar_path(first_path)}",
                "only weights that are alike in this have a mean",
            )


def _without_rates(value: Any) -> Any:
    return {name: one for name, one in value.items() if name not in FREE} if isinstance(value, dict) else value
