"""Show how far a training is, over all of its epochs and with its validations."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events

from scripts.core import Progress, counted, device_name
from scripts.inference import precision

logger = logging.getLogger(__name__)

WITHOUT_VALIDATION, AT_MOST = "{} left, validation aside", "{} left at most"


@contextmanager
def told_training(trainer: Engine) -> Iterator[None]:
    """Log what a training will do, and show the time that is left for all of it.

    Patience may end it earlier. Until the first epoch has ended, nobody knows how long a validation takes. Only the
    first of several processes tells.

    Args:
        trainer: MONAI's trainer, which runs inside the `with` block; it may have been resumed.
    """
    steps = trainer.state.epoch_length or len(trainer.data_loader)
    epochs, done = trainer.state.max_epochs, trainer.state.epoch
    if idist.get_rank() > 0:
        yield
        return
    device = torch.device(trainer.state.device or "cpu")
    told = f"training on {device_name(device)} in {precision(trainer.inferer)}"
    logger.info("%s, at most %s of %s", told, counted(epochs - done, "epoch"), counted(steps, "step"))
    progress = Progress("training", total=(epochs - done) * steps)
    progress.left = WITHOUT_VALIDATION

    def begin() -> None:
        """Begin an epoch."""
        if trainer.state.epoch > done + 1:
            progress.left = AT_MOST
        progress.begin(f"epoch {trainer.state.epoch} of {epochs}", planned=steps)

    with (
        progress,
        trainer.add_event_handler(Events.EPOCH_STARTED, begin),
        trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: progress.advance()),
    ):
        yield
