"""What the scores of a training are measured on, and what they are called for it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from scripts.data import ITSELF, TRAIN, VALIDATE, validated_on

logger = logging.getLogger(__name__)

HELD_OUT, ITS_OWN = "val_", "train_"
"""What names of scores begin with."""
MAX_TOLD = 3  # volumes that a line of the log names


class Validation:
    """What validates, in words, and the names of its scores.

    Only what is held out may select an epoch or end a training: scores on what trains itself get better for as long as
    it goes on.

    Args:
        split: volumes by `train` and `validate`, each with `name`, `label` and `region`.
        on: what validates, where that is not volumes with labels.

    Attributes:
        on: what validates (`scripts.data.validated_on`), as the sidecar states it.
        held_out: whether it does not train.
        volumes: of either part of the split, each once.
    """

    def __init__(self, split: Mapping[str, Sequence[Mapping[str, Any]]] | None = None, on: str | None = None) -> None:
        self.on = validated_on(split[TRAIN], split[VALIDATE]) if on is None and split is not None else str(on)
        self.held_out = self.on != ITSELF
        both = [] if split is None else [*split[TRAIN], *split[VALIDATE]]
        self.volumes = list({volume["label"]: volume for volume in both}.values())
        logger.info("validates on %s", self.told)

    def named(self, metrics: Mapping[str, str] | Sequence[str]) -> Mapping[str, str] | Sequence[str]:
        """Return metrics by names that suit: `train_dice` for `val_dice` if nothing is held out.

        Args:
            metrics: as `scripts.metrics.handlers` takes them, the first of which selects; without names of their own
                they have none to change.
        """
        if not isinstance(metrics, Mapping):
            return metrics
        prefix = HELD_OUT if self.held_out else ITS_OWN
        return {re.sub(f"^{HELD_OUT}", prefix, name): metric for name, metric in metrics.items()}

    @property
    def told(self) -> str:
        """What validates in words that fit a line: of many volumes only some are named."""
        parts = self.on.split("; ")
        more = len(parts) - MAX_TOLD
        return "; ".join(parts[:MAX_TOLD]) + (f"; and {more} more" if more > 0 else "")
