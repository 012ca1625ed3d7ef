"""Choose anew, after a training, how what its weights find is cleaned."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from monai.data import decollate_batch
from monai.engines import SupervisedEvaluator
from monai.utils import CommonKeys as Keys

from scripts.core import write_text
from scripts.data import ITSELF
from scripts.metrics import VolumeCounts, gather_volumes, make_metrics
from scripts.transforms import INVERTED, SmoothLogitsd
from scripts.weights import load_plain, read_bytes, read_sidecar, sidecar_path

logger = logging.getLogger(__name__)

SIGMAS = (0.0, 0.5, 0.7, 1.0)
"""What is tried, in voxels; above, thin vessels disappear (docs/results.md)."""
CHOSEN_BY = {"dice": "best_dice", "auroc": "auroc", "threshold": "best_threshold"}
"""Scores of what was held out, the first of which chooses."""
CLEARLY_BETTER = 0.002
"""Dice by which another smoothing has to be better than that of the weights that training began with."""


def choose_cleaning(validator: SupervisedEvaluator, ckpt_dir: str | Path, sigmas: Sequence[float] = SIGMAS) -> None:
    """Choose smoothing and threshold for the best weights, on what was held out.

    The threshold goes with the smoothing, so both are chosen together, by Dice, and the sidecar's `validation` becomes
    that of the two. `min_size`, `fill_holes` and
    `hysteresis` stay as they were: a strip of a block cuts vessels into pieces, and says nothing of how large pieces
    are. Where nothing was held out, the smoothing stays too, for on what it was trained on a network needs none.

    Where each volume decided whether it is inverted, and all decided alike, the sidecars say so from now on, so that
    the weights see other volumes as they saw these.

    With several processes, which share the volumes, all choose and the first writes.

    Args:
        validator: the engine that validates; its network is left as it is.
        ckpt_dir: with `model_best.pt`, whose sidecar is changed; without it nothing is done.
        sigmas: what to try, see `scripts.transforms.sigma_of_axes`.

    Raises:
        UserError: if weights or sidecar are damaged, or the sidecar cannot be written.
    """
    best = Path(ckpt_dir) / "model_best.pt"
    if not best.is_file():
        return
    sidecar = read_sidecar(best)
    cleaning = dict(sidecar.get("cleaning") or {})
    held_out = sidecar.get("validated_on") != ITSELF
    before = float(cleaning.get("smooth") or 0.0)
    tried = sorted({*sigmas, before}) if held_out else []
    scores, inverted = _scores(validator, best, tried)
    chosen: dict[str, Any] = {}
    defined = {sigma: each["dice"] for sigma, each in scores.items() if not isnan(each["dice"] + each["threshold"])}
    if before in defined:
        top = max(defined, key=lambda sigma: defined[sigma])
        sigma = top if defined[top] > defined[before] + CLEARLY_BETTER else before
        found, stated = scores[sigma], sidecar.get("validation", {})
        validation = {name: found.get(name.rpartition("_")[2], value) for name, value in stated.items()}
        chosen = {"threshold": found["threshold"], "validation": validation}
        told = "on what was held out, smoothing by %g voxels and threshold %.4f suit the weights best: Dice %.4f"
        was = f" (smoothed by {before:g}, as before: {defined[before]:.4f})" if sigma != before else ""
        logger.info(f"{told}%s", sigma, found["threshold"], found["dice"], was)
        cleaning["smooth"] = sigma
    if cleaning.get("invert") == "auto" and inverted and len(set(inverted)) == 1:
        cleaning["invert"] = str(inverted[0]).lower()
    _write(best, {**chosen, "cleaning": cleaning})
    last = best.with_name("model_last.pt")
    if "invert" in cleaning and last.is_file():
        _write(last, {"cleaning": {**(read_sidecar(last).get("cleaning") or {}), "invert": cleaning["invert"]}})


def _scores(
    validator: SupervisedEvaluator, weights: Path, sigmas: Sequence[float]
) -> tuple[dict[float, dict[str, float]], list[bool]]:
    """Return the scores `CHOSEN_BY` by smoothing, and which volumes were inverted."""
    if not sigmas:
        loaded = (item for batch in validator.data_loader for item in decollate_batch(batch))
        return {}, gather_volumes([_is_inverted(item[Keys.IMAGE]) for item in loaded])
    network = validator.network
    state, training = copy.deepcopy(network.state_dict()), network.training
    metrics = {sigma: make_metrics(CHOSEN_BY) for sigma in sigmas}
    inverted = []
    try:
        content = read_bytes(weights)  # written by this training, so nothing needs to be held against the network
        network.load_state_dict(load_plain(content, weights, "is damaged", "train again"))
        network.eval()
        for batch in validator.data_loader:
            with torch.inference_mode():
                device, how = validator.state.device, validator.to_kwargs
                image, _ = validator.prepare_batch(batch, device, validator.non_blocking, **how)
                batch = {**batch, Keys.PRED: validator.inferer(image, network)}
            for item in decollate_batch(batch):
                inverted.append(_is_inverted(item[Keys.IMAGE]))
                for sigma, each in metrics.items():
                    logits = SmoothLogitsd(Keys.PRED, sigma)(item)[Keys.PRED].cpu()  # (K, X, Y, Z)
                    counts = VolumeCounts.of(logits, item[Keys.LABEL].cpu())
                    for metric in each.values():
                        metric([counts])
    finally:
        network.load_state_dict(state)
        network.train(training)
    found = {
        sigma: {name: float(metric.aggregate()) for name, metric in each.items()} for sigma, each in metrics.items()
    }
    return found, gather_volumes(inverted)


def _is_inverted(image: torch.Tensor) -> bool:
    return bool(getattr(image, "meta", {}).get(INVERTED, False))


@idist.one_rank_only()
def _write(weights: Path, changes: Mapping[str, Any]) -> None:
    """Change a sidecar; the weights that it describes stay as they are."""
    sidecar = json.loads(sidecar_path(weights).read_text(encoding="utf-8"))
    write_text(sidecar_path(weights), json.dumps({**sidecar, **changes}, indent=2) + "\n")
