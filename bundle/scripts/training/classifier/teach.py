"""After a training, teach the voxel classifier that helps its best weights."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import numpy as np
from monai.utils import CommonKeys as Keys

from scripts.core import read_boolean
from scripts.inference import steps_of
from scripts.network import VoxelClassifier
from scripts.weights import VOXEL_CLASSIFIER, change_sidecar, read_sidecar

from .fit import SAMPLE, Sample, draw_sample, fit_classifier

logger = logging.getLogger(__name__)

LEAST = 200  # labelled voxels of each class


def teach_voxels(
    enabled: bool | str,
    ckpt_dir: str | Path,
    volumes: Sequence[Mapping[str, Any]],
    transform: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    seed: int = 0,
) -> None:
    """Teach a voxel classifier what trained, and put it into the sidecar of the best weights.

    What is held out does not teach it, so that `choose_cleaning` can judge on it how much the classifier shall count.
    With several processes, the first does it and the others wait.

    Args:
        enabled: whether to; text is read as on the command line.
        ckpt_dir: with `model_best.pt`, whose sidecar gets the classifier; without it nothing is done.
        volumes: items that trained, which `transform` loads one after the other.
        transform: gives `image` and `label`, `(1, X, Y, Z)`, the label negative where nothing is labelled.
        seed: of the voxels drawn, and of the classifier's first weights.

    Raises:
        UserError: if the sidecar is damaged, or cannot be written.
    """
    best = Path(ckpt_dir) / "model_best.pt"
    enabled = read_boolean("voxel_classifier", enabled)
    if not best.is_file():
        return
    if enabled:
        _teach(best, volumes, transform, seed)
    else:
        _take_out(best)


@idist.one_rank_only(with_barrier=True)
def _teach(
    best: Path,
    volumes: Sequence[Mapping[str, Any]],
    transform: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    seed: int,
) -> None:
    classes = read_sidecar(best)["network"]["out_channels"]
    samples = _samples(volumes, transform, seed)
    found = np.bincount(np.concatenate([np.empty(0, np.int64), *(each.classes for each in samples)]), minlength=classes)
    if found.min() < LEAST:
        logger.info("no voxel classifier, because %d labelled voxels of a class are too few to teach it", found.min())
        change_sidecar(best, {VOXEL_CLASSIFIER: None})
        return
    classifier = fit_classifier(samples, classes, seed)
    classifier.share.zero_()  # it does not count before `choose_cleaning` has judged it
    change_sidecar(best, {VOXEL_CLASSIFIER: classifier.stated()})
    logger.info("a voxel classifier was taught by %d labelled voxels", found.sum())


@idist.one_rank_only(with_barrier=True)
def _take_out(best: Path) -> None:
    """Take out the classifier of an earlier run that this one resumes."""
    if read_sidecar(best).get(VOXEL_CLASSIFIER) is not None:
        change_sidecar(best, {VOXEL_CLASSIFIER: None})


@idist.one_rank_only(with_barrier=True)
def taught_again(
    classifier: VoxelClassifier,
    volumes: Sequence[Mapping[str, Any]],
    transform: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    seed: int = 0,
) -> VoxelClassifier | None:
    """Return a voxel classifier like one before, taught by other volumes.

    Of several processes, the first returns it, and the others None when it has.

    Args:
        classifier: taught before.
        volumes: items to learn from.
        transform: see `teach_voxels`.
        seed: likewise.
    """
    return fit_classifier(_samples(volumes, transform, seed), classifier.last.out_features, seed)


def _samples(
    volumes: Sequence[Mapping[str, Any]], transform: Callable[[Mapping[str, Any]], Mapping[str, Any]], seed: int
) -> list[Sample]:
    random = np.random.default_rng(seed)
    samples = (_sample(transform(volume), SAMPLE // max(1, len(volumes)), random) for volume in volumes)
    return [sample for sample in samples if len(sample.classes)]


def _sample(item: Mapping[str, Any], count: int, random: np.random.Generator) -> Sample:
    image, label = item[Keys.IMAGE], item[Keys.LABEL]  # (1, X, Y, Z)
    steps = steps_of(np.asarray(getattr(image, "affine", np.eye(4)), dtype=float))
    return draw_sample(image[0].float().cpu().numpy(), label[0].cpu().numpy(), steps, count, random)
