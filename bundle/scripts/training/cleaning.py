"""Choose anew, after a training, how what its weights find is cleaned."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from itertools import groupby, product
from math import isnan
from operator import itemgetter
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import numpy as np
import torch
from monai.data import decollate_batch
from monai.engines import SupervisedEvaluator
from monai.utils import CommonKeys as Keys

from scripts.data import ITSELF
from scripts.inference import average, classified
from scripts.metrics import VolumeCounts, gather_volumes, make_metrics
from scripts.network import VoxelClassifier
from scripts.transforms import FEATURES, INVERTED, SmoothLogitsd
from scripts.weights import VOXEL_CLASSIFIER, Checkpoint, change_sidecar, load_plain, read_bytes, read_sidecar

logger = logging.getLogger(__name__)

SIGMAS = (0.0, 0.5, 0.7, 1.0)
"""What is tried, in voxels; above, thin vessels disappear (docs/results.md)."""
SHARES = (0.0, 0.25, 0.5, 0.75)
"""Of the voxel classifier in the mean with the network, that are tried; alone it would know one volume only."""
UNJUDGED_SHARE = 0.5
"""Where nothing was held out to choose it by."""
CHOSEN_BY = {"dice": "best_dice", "auroc": "auroc", "threshold": "best_threshold"}
"""Scores of what was held out, the first of which chooses."""
CLEARLY_BETTER = 0.002
"""Dice by which another smoothing or share has to be better than the smoothing before, without a voxel classifier."""


def choose_cleaning(validator: SupervisedEvaluator, ckpt_dir: str | Path, sigmas: Sequence[float] = SIGMAS) -> None:
    """Choose smoothing and threshold for the best weights, on what was held out.

    The threshold goes with the smoothing and with the share of the voxel classifier, if one was taught
    (`scripts.training.teach_voxels`), so all are chosen together, by Dice, and the sidecar's `validation` becomes that
    of them. A classifier whose share is 0 is taken out. `min_size`, `fill_holes` and
    `hysteresis` stay as they were: a strip of a block cuts vessels into pieces, and says nothing of how large pieces
    are. Where nothing was held out, smoothing and share stay too, for on what it was trained on a network needs none.

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
    smooth = float(cleaning.get("smooth") or 0.0)
    classifier = Checkpoint(best).voxel_classifier(FEATURES)
    share = 0.0 if classifier is None or held_out else UNJUDGED_SHARE
    before = share, smooth
    shares = (share,) if classifier is None or not held_out else SHARES
    smoothings = {*sigmas, smooth} if held_out else {smooth}
    tried = sorted(product(shares, smoothings)) if held_out or classifier is not None else []
    scores, inverted = _scores(validator, best, tried, classifier)
    chosen: dict[str, Any] = {}
    defined = {choice: each["dice"] for choice, each in scores.items() if not isnan(each["dice"] + each["threshold"])}
    if before in defined:
        top = max(defined, key=lambda choice: defined[choice])
        clearly = defined[top] > defined[before] + CLEARLY_BETTER
        share, sigma = top if clearly else before
        found, stated = scores[share, sigma], sidecar.get("validation", {})
        validation = {name: found.get(name.rpartition("_")[2], value) for name, value in stated.items()}
        chosen = {"threshold": found["threshold"], "validation": validation}
        where = "on what was held out" if held_out else "on what trained"
        told = "%s, smoothing by %g voxels and threshold %.4f suit the weights best: Dice %.4f"
        was = f" (smoothed by {smooth:g}, as before: {defined[share, smooth]:.4f})" if sigma != smooth else ""
        logger.info(f"{told}%s", where, sigma, found["threshold"], found["dice"], was)
        cleaning["smooth"] = sigma
        if classifier is not None:
            without = max(scores[0.0, each]["dice"] for each in smoothings) if held_out else None
            chosen[VOXEL_CLASSIFIER] = _settled(classifier, share, without)
    if cleaning.get("invert") == "auto" and inverted and len(set(inverted)) == 1:
        cleaning["invert"] = str(inverted[0]).lower()
    _write(best, {**chosen, "cleaning": cleaning})
    last = best.with_name("model_last.pt")
    if "invert" in cleaning and last.is_file():
        _write(last, {"cleaning": {**(read_sidecar(last).get("cleaning") or {}), "invert": cleaning["invert"]}})


def _settled(classifier: VoxelClassifier, share: float, without: float | None) -> dict[str, Any]:
    """Give a voxel classifier its share, or take it out; return what the sidecar says of it."""
    if without is not None:
        told = "share of the voxel classifier %g: without it the Dice is %.4f"
        logger.info(told, share, without)
    classifier.share.fill_(share)
    stated = classifier.stated() if share > 0 else {"share": share}
    return stated | ({} if without is None else {"val_dice_without": without})


def _scores(
    validator: SupervisedEvaluator,
    weights: Path,
    tried: Sequence[tuple[float, float]],
    classifier: VoxelClassifier | None = None,
) -> tuple[dict[tuple[float, float], dict[str, float]], list[bool]]:
    """Return the scores `CHOSEN_BY` by share and smoothing, and which volumes were inverted."""
    if not tried:
        loaded = (item for batch in validator.data_loader for item in decollate_batch(batch))
        return {}, gather_volumes([_is_inverted(item[Keys.IMAGE]) for item in loaded])
    network = validator.network
    state, training = copy.deepcopy(network.state_dict()), network.training
    metrics = {choice: make_metrics(CHOSEN_BY) for choice in tried}
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
                taught = None if classifier is None else _classified(item, classifier)
                for share, alike in groupby(tried, key=itemgetter(0)):  # tried are sorted: one copy of logits at a time
                    helped = _helped(item, taught, share)
                    for choice in alike:
                        logits = SmoothLogitsd(Keys.PRED, choice[1])(helped)[Keys.PRED].cpu()  # (K, X, Y, Z)
                        counts = VolumeCounts.of(logits, item[Keys.LABEL].cpu())
                        for metric in metrics[choice].values():
                            metric([counts])
    finally:
        network.load_state_dict(state)
        network.train(training)
    found = {
        choice: {name: float(metric.aggregate()) for name, metric in each.items()} for choice, each in metrics.items()
    }
    return found, gather_volumes(inverted)


def _classified(item: Mapping[str, Any], classifier: VoxelClassifier) -> torch.Tensor:
    """Return a voxel classifier's logits `(K, X, Y, Z)` of an item."""
    affine = np.asarray(getattr(item[Keys.IMAGE], "affine", np.eye(4)), dtype=float)
    return classified(classifier, item[Keys.IMAGE][0], affine)


def _helped(item: dict[str, Any], taught: torch.Tensor | None, share: float) -> dict[str, Any]:
    """Return an item whose logits are averaged with those of a voxel classifier."""
    if taught is None or share == 0:
        return item
    logits = item[Keys.PRED].clone()  # (K, X, Y, Z)
    average(logits, taught, share)
    return {**item, Keys.PRED: logits}


def _is_inverted(image: torch.Tensor) -> bool:
    return bool(getattr(image, "meta", {}).get(INVERTED, False))


@idist.one_rank_only()
def _write(weights: Path, changes: Mapping[str, Any]) -> None:
    """Change a sidecar; the weights that it describes stay as they are."""
    change_sidecar(weights, changes)
