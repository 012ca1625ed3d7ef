"""Choose anew, after a training, how what its weights find is cleaned."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import isnan
from pathlib import Path
from typing import Any

import ignite.distributed as idist
from monai.data import list_data_collate
from monai.engines import SupervisedEvaluator

from scripts.data import ITSELF
from scripts.network import VoxelClassifier
from scripts.transforms import FEATURES
from scripts.weights import VOXEL_CLASSIFIER, Checkpoint, change_sidecar, read_sidecar

from ..classifier import taught_again
from ..distributed import my_volumes
from .score import Choice, score_choices

logger = logging.getLogger(__name__)

SIGMAS = (0.0, 0.5, 0.7, 1.0)
"""What is tried, in voxels; above, thin vessels disappear (docs/results.md)."""
SHARES = (0.0, 0.25, 0.5, 0.75)
"""Of the voxel classifier in the mean with the network, that are tried; alone it would know one volume only."""
UNJUDGED_SHARE = 0.5
"""Where nothing was held out to choose it by."""
CLEARLY_BETTER = 0.002
"""Dice by which another smoothing or share has to be better than the smoothing before, without a voxel classifier."""
FEW = 1 << 20
"""Labelled voxels; where fewer were held out, they do not choose the threshold alone."""


def choose_cleaning(
    validator: SupervisedEvaluator,
    ckpt_dir: str | Path,
    volumes: Sequence[Mapping[str, Any]] = (),
    transform: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    seed: int = 0,
) -> None:
    """Choose smoothing and threshold for the best weights, on what was held out.

    The threshold goes with the smoothing and with the share of the voxel classifier, if one was taught
    (`scripts.training.teach_voxels`), so all are chosen together, by Dice, and the sidecar's `validation` becomes that
    of them. A classifier whose share is 0 is taken out. `min_size`, `fill_holes` and
    `hysteresis` stay as they were: a strip of a block cuts vessels into pieces, and says nothing of how large pieces
    are. Where nothing was held out, smoothing and share stay too, for on what it was trained on a network needs none.

    A strip at the edge of a block may want another threshold than the rest of the volume. So where little was held out,
    the threshold is the best one of all that is labelled, and a classifier that is kept learns from all of it, too
    (docs/fine-tuning-experiments.md has what either gains).

    Where each volume decided whether it is inverted, and all decided alike, the sidecars say so from now on, so that
    the weights see other volumes as they saw these.

    With several processes, which share the volumes, all choose and the first writes.

    Args:
        validator: the engine that validates; its network is left as it is.
        ckpt_dir: with `model_best.pt`, whose sidecar is changed; without it nothing is done.
        volumes: that trained or were held out, each with its `scan`; without any, only what was held out counts.
        transform: loads one, see `teach_voxels`.
        seed: of the classifier, where it learns again.

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
    before = (0.0 if classifier is None or held_out else UNJUDGED_SHARE, smooth)
    tried = _tried(before, held_out, classifier)
    scores, inverted, labelled = score_choices(validator, best, validator.data_loader, tried, classifier)
    chosen: dict[str, Any] = {}
    defined = {choice: each["dice"] for choice, each in scores.items() if not isnan(each["dice"] + each["threshold"])}
    if before in defined:
        choice = max(defined, key=lambda each: defined[each])
        choice = choice if defined[choice] > defined[before] + CLEARLY_BETTER else before
        share, cleaning["smooth"] = choice
        found, stated = scores[choice], sidecar.get("validation", {})
        validation = {name: found.get(name.rpartition("_")[2], value) for name, value in stated.items()}
        chosen = {"threshold": found["threshold"], "validation": validation}
        _tell(choice, found, held_out, (smooth, defined[share, smooth]))
        if held_out and labelled < FEW and volumes and transform is not None:
            whole = [{**volume, "region": volume["scan"].labelled} for volume in volumes]
            batches = (list_data_collate([transform(whole[mine])]) for mine in my_volumes(whole))
            found = score_choices(validator, best, batches, [choice], classifier).scores[choice]
            chosen["threshold"] = validation["threshold"] = found["threshold"]
            told = "of all that is labelled, because little was held out, the threshold is %.4f: Dice %.4f there"
            logger.info(told, found["threshold"], found["dice"])
            if classifier is not None and share:
                classifier = taught_again(classifier, whole, transform, seed) or classifier
        if classifier is not None:
            without = max(dice for (each, _), dice in defined.items() if each == 0) if held_out else None
            chosen[VOXEL_CLASSIFIER] = _settled(classifier, share, without)
    if cleaning.get("invert") == "auto" and inverted and len(set(inverted)) == 1:
        cleaning["invert"] = str(inverted[0]).lower()
    _write(best, {**chosen, "cleaning": cleaning})
    last = best.with_name("model_last.pt")
    if "invert" in cleaning and last.is_file():
        _write(last, {"cleaning": {**(read_sidecar(last).get("cleaning") or {}), "invert": cleaning["invert"]}})


def _tried(before: Choice, held_out: bool, classifier: VoxelClassifier | None) -> list[Choice]:
    """Return the choices to try, sorted."""
    if not held_out:
        return [before] if classifier is not None else []
    shares = (before[0],) if classifier is None else SHARES
    return sorted(product(shares, {*SIGMAS, before[1]}))


def _tell(choice: Choice, found: Mapping[str, float], held_out: bool, before: tuple[float, float]) -> None:
    where = "on what was held out" if held_out else "on what trained"
    told = "%s, smoothing by %g voxels and threshold %.4f suit the weights best: Dice %.4f"
    was = f" (smoothed by {before[0]:g}, as before: {before[1]:.4f})" if choice[1] != before[0] else ""
    logger.info(f"{told}%s", where, choice[1], found["threshold"], found["dice"], was)


def _settled(classifier: VoxelClassifier, share: float, without: float | None) -> dict[str, Any]:
    """Give a voxel classifier its share, or take it out; return what the sidecar says of it."""
    if without is not None:
        told = "share of the voxel classifier %g: without it the Dice is %.4f"
        logger.info(told, share, without)
    classifier.share.fill_(share)
    stated = classifier.stated() if share > 0 else {"share": share}
    return stated | ({} if without is None else {"val_dice_without": without})


@idist.one_rank_only()
def _write(weights: Path, changes: Mapping[str, Any]) -> None:
    """Change a sidecar; the weights that it describes stay as they are."""
    change_sidecar(weights, changes)
