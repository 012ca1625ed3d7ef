"""After a training, average its best weights with those that it began with."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from monai.engines import SupervisedEvaluator

from scripts.core import read_number
from scripts.weights import TUNED_SHARE, load_plain, read_bytes, read_sidecar, save_state

from ..cleaning import score_choices

logger = logging.getLogger(__name__)


def average_with_start(
    share: float | str | None,
    ckpt_dir: str | Path,
    begun: Mapping[str, torch.Tensor] | None,
    validator: SupervisedEvaluator,
) -> None:
    """Replace the best weights by the mean of them and of those that training began with.

    What a few blocks teach a network is in part how just those blocks look. Between the weights before and after lie
    ones that know what was taught and still what the first ones knew of all else (WiSE-FT: Wortsman M. et al., *Robust
    fine-tuning of zero-shot models*, CVPR 2022, section 3; docs/fine-tuning-experiments.md has what it is worth here).

    A mean that scores lower than what training began with is not kept. With several processes, the first writes.

    Args:
        share: of the trained weights, from 0 to 1; None or 1 leaves them as they are.
        ckpt_dir: with `model_best.pt`; without it nothing is done, nor if that is such a mean already, as in a training
            that is resumed after it had ended, or if no epoch was better than the start.
        begun: what training began with, by name; None without weights, or if their classifier was replaced, because
            the rest of the network then belongs to the new one.
        validator: the engine that validates; its network is left as it is.

    Raises:
        UserError: if `share` is no such number, the weights or their sidecar are damaged, or cannot be written.
    """
    best = Path(ckpt_dir) / "model_best.pt"
    share = read_number(TUNED_SHARE, share)
    if share is None or share == 1 or begun is None or not best.is_file():
        return
    sidecar = read_sidecar(best)
    if TUNED_SHARE in sidecar or not sidecar.get("epoch"):
        return
    tuned = load_plain(read_bytes(best), best, "is damaged", "train again")
    idist.barrier()  # all have read what the first is about to write
    mean = {
        name: torch.lerp(begun[name], value, share) if value.is_floating_point() else value
        for name, value in tuned.items()
    }
    _save(best, mean, {**sidecar, TUNED_SHARE: share})
    choice = (0.0, float((sidecar.get("cleaning") or {}).get("smooth") or 0.0))
    dice = score_choices(validator, best, validator.data_loader, [choice]).scores[choice]["dice"]
    before, after = (_dice(sidecar.get(name)) for name in ("validation_before", "validation"))
    told = "the mean of the weights before training and after, %g of it after, has a Dice of %.4f, those after %.4f"
    logger.info(told, share, dice, after)
    if dice < before:
        logger.info("before training it was %.4f, so those after are kept alone", before)
        _save(best, tuned, sidecar)


def _dice(scores: Mapping[str, float] | None) -> float:
    """Return the Dice of scores by name, whatever it was measured on; NaN if there is none."""
    return next((value for name, value in (scores or {}).items() if name.endswith("_dice")), math.nan)


@idist.one_rank_only(with_barrier=True)
def _save(weights: Path, state: Mapping[str, torch.Tensor], sidecar: Mapping[str, Any]) -> None:
    save_state(weights, state, sidecar)
