"""Score the best weights of a training by smoothing and share of their voxel classifier."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.data import decollate_batch
from monai.engines import SupervisedEvaluator
from monai.utils import CommonKeys as Keys

from scripts.core import return_freed_memory
from scripts.inference import average, classified
from scripts.metrics import VolumeCounts, gather_volumes, make_metrics
from scripts.network import VoxelClassifier
from scripts.transforms import INVERTED, SmoothLogitsd
from scripts.weights import load_plain, read_bytes

CHOSEN_BY = {"dice": "best_dice", "auroc": "auroc", "threshold": "best_threshold"}
"""Scores by which is chosen, the first above all."""

Choice = tuple[float, float]
"""Share of the voxel classifier, smoothing in voxels."""


class Scored(NamedTuple):
    """What `score_choices` found.

    Attributes:
        scores: `CHOSEN_BY`, by choice.
        inverted: for each volume whether the network saw it inverted.
        labelled: labelled voxels, of all volumes.
    """

    scores: dict[Choice, dict[str, float]]
    inverted: list[bool]
    labelled: int


def score_choices(
    validator: SupervisedEvaluator,
    weights: Path,
    batches: Iterable[Mapping[str, Any]],
    tried: Sequence[Choice],
    classifier: VoxelClassifier | None = None,
) -> Scored:
    """Score weights as they are, on labelled volumes.

    With several processes, each has its own volumes, and all get the scores of all.

    Args:
        validator: whose network, left as it is, and inferer are used.
        weights: that its network takes for as long.
        batches: of `image` and `label`, `(B, 1, X, Y, Z)`.
        tried: choices, sorted; without any, the network does not run.
        classifier: the voxel classifier; without one every share is 0.
    """
    network = validator.network
    state, training = copy.deepcopy(network.state_dict()), network.training
    metrics = {choice: make_metrics(CHOSEN_BY) for choice in tried}
    seen: list[tuple[bool, int]] = []
    try:
        if tried:
            content = read_bytes(weights)  # written by this training, so nothing needs to be held against the network
            network.load_state_dict(load_plain(content, weights, "is damaged", "train again"))
            network.eval()
        for batch in batches:
            seen += _scored(validator, batch, metrics, classifier)
            del batch  # nothing of a volume is kept while the next is read
            return_freed_memory()
    finally:
        network.load_state_dict(state)
        network.train(training)
    scores = {
        choice: {name: float(metric.aggregate()) for name, metric in each.items()} for choice, each in metrics.items()
    }
    seen = gather_volumes(seen)
    return Scored(scores, [inverted for inverted, _ in seen], sum(labelled for _, labelled in seen))


def _scored(
    validator: SupervisedEvaluator,
    batch: Mapping[str, Any],
    metrics: Mapping[Choice, Mapping[str, Any]],
    classifier: VoxelClassifier | None,
) -> list[tuple[bool, int]]:
    """Add a batch to the metrics.

    Returns:
        Of each item, whether it is inverted, and the number of its labelled voxels.
    """
    seen = []
    if metrics:
        batch = {**batch, Keys.PRED: _found(validator, batch)}
    for item in decollate_batch(batch):
        seen.append((_is_inverted(item[Keys.IMAGE]), int((item[Keys.LABEL] >= 0).sum())))
        taught = _classified(item, classifier) if classifier is not None and metrics else None
        for share, alike in groupby(metrics, key=itemgetter(0)):  # they are sorted: one copy of logits at a time
            helped = _helped(item, taught, share)
            for choice in alike:
                logits = SmoothLogitsd(Keys.PRED, choice[1])(helped)[Keys.PRED].cpu()  # (K, X, Y, Z)
                counts = VolumeCounts.of(logits, item[Keys.LABEL].cpu())
                for metric in metrics[choice].values():
                    metric([counts])
    return seen


def _found(validator: SupervisedEvaluator, batch: Mapping[str, Any]) -> torch.Tensor:
    """Return the network's logits of a batch, `(B, K, X, Y, Z)`."""
    with torch.inference_mode():
        device, how = validator.state.device, validator.to_kwargs
        image, _ = validator.prepare_batch(batch, device, validator.non_blocking, **how)
        logits: torch.Tensor = validator.inferer(image, validator.network)
        return logits


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
