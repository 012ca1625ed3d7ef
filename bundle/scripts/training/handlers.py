"""Training handlers that MONAI and Ignite lack: gradients, repeatability, patience, files.

`scripts.training.TrainingState` saves those with a `state_dict`, so that a resumed run continues where they were.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import numpy as np
import torch
from ignite.engine import Engine, Events
from ignite.handlers import EarlyStopping
from monai.engines import IterationEvents
from torch import nn

from scripts.weights import save_weights

logger = logging.getLogger(__name__)


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the scores that are finite numbers, leaving out undefined ones."""
    return {name: float(value) for name, value in metrics.items() if np.isscalar(value) and np.isfinite(value)}


def score_text(name: str, value: float) -> str:
    """Return a score or a loss as the log tells it, `val_dice 0.8124`.

    >>> score_text("learning_rate", 0.0008)  # the one number whose first digits matter and not its last
    'learning_rate 0.0008'
    """
    return f"{name} {value:.4g}" if name == "learning_rate" else f"{name} {value:.4f}"


def named(handler: Any) -> Any:
    """Return the handler itself; a config uses this to list a handler that it defines elsewhere.

    MONAI and MONAI Label read the `_target_` of every handler in `train#handlers`, and a plain reference has none.
    """
    return handler


class NonFiniteGradientGuard:
    """Handler that skips and counts optimiser steps with an infinite or NaN gradient.

    One such step would turn every weight into NaN; in bfloat16 it has happened with a finite loss.

    Args:
        network: the network whose gradients to check before the optimiser's step.

    Attributes:
        skipped: number of steps skipped so far.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.skipped = 0

    def attach(self, engine: Engine) -> None:
        """Check after every backward pass of `engine`."""
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Drop the gradients if any is not finite, so that the optimiser has nothing to apply."""
        gradients = [weight.grad for weight in self.network.parameters() if weight.grad is not None]
        if not all(torch.isfinite(gradient).all() for gradient in gradients):
            self.skipped += 1
            logger.warning(
                "iteration %d: gradients not finite, step skipped (%d so far)", engine.state.iteration, self.skipped
            )
            self.network.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, int]:
        """Return the number of skipped steps."""
        return {"skipped": self.skipped}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Restore the number of skipped steps."""
        self.skipped = state["skipped"]


class IterationSeed:
    """Handler that makes torch's random draws (dropout) depend only on seed, iteration, process.

    So a resumed run needs no random state, and neither validation nor DataLoader workers change what is drawn. Torch
    draws for a whole batch at once, so several processes, each with part of it, draw differently from a single one.

    Args:
        seed: seed of the run.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def attach(self, engine: Engine) -> None:
        """Seed before every step of `engine`."""
        engine.add_event_handler(Events.ITERATION_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Seed torch on all devices."""
        words = (self.seed, engine.state.iteration, idist.get_rank())
        state = np.random.SeedSequence(words).generate_state(1, np.uint64)
        torch.manual_seed(int(state[0]))


class Patience:
    """Handler that stops training when validation no longer improves; it can be resumed.

    It uses Ignite's `EarlyStopping`. The scores of the weights that training began with (`StartScores`) do not count.

    Args:
        patience: stop after so many validations without a better key metric; None never stops.
        validator: engine whose key metric to watch; higher is better, and undefined is no improvement.
    """

    def __init__(self, patience: int | None, validator: Engine) -> None:
        self.validator = validator
        # Ignite needs a trainer now, but ours is made after its handlers
        self.stopping = None if patience is None else EarlyStopping(patience, self._score, Engine(lambda *_: None))

    def attach(self, engine: Engine) -> None:
        """Stop `engine`, the trainer."""
        if self.stopping is not None:
            self.stopping.trainer = engine
            # not EarlyStopping.attach, which resets the count at the start of a run; nor before the first step
            after_an_epoch = Events.COMPLETED(event_filter=lambda validator, _: validator.state.epoch > 0)
            self.validator.add_event_handler(after_an_epoch, self.stopping)
            engine.add_event_handler(Events.TERMINATE, self._tell)

    def _score(self, validator: Engine) -> float:
        score = validator.state.metrics[validator.state.key_metric_name]
        return score if math.isfinite(score) else -math.inf

    def _tell(self, engine: Engine) -> None:
        if self.spent:
            logger.info(
                "stopped after epoch %d: %d validations without a better %s than %.4f",
                *(engine.state.epoch, self.stopping.counter, self.validator.state.key_metric_name),
                self.stopping.best_score,
            )

    @property
    def spent(self) -> bool:
        """Whether patience has run out and training has to stop."""
        return self.stopping is not None and self.stopping.counter >= self.stopping.patience

    def state_dict(self) -> dict[str, Any]:
        """Return the number of validations without improvement, and the best score."""
        return {} if self.stopping is None else {"counter": self.stopping.counter, "best": self.stopping.best_score}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore both from an earlier run."""
        if self.stopping is not None and state:
            self.stopping.counter, self.stopping.best_score = state["counter"], state["best"]


class StartScores:
    """Handler that validates before the first step, as epoch 0.

    So the weights that a training began with are a candidate for the best ones, and are kept if none are better.

    Args:
        validator: the validation engine; its `state.before` gets the scores, which the sidecars state.
    """

    def __init__(self, validator: Engine) -> None:
        self.validator = validator

    def attach(self, engine: Engine) -> None:
        """Validate when `engine`, the trainer, starts, after whatever loads its weights then."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Validate, unless the training is resumed, whose scores were saved."""
        if engine.state.epoch > 0:
            return
        # MONAI counts a validator's epoch 0 and then goes on to 1
        with self.validator.add_event_handler(Events.EPOCH_COMPLETED, self.validator.terminate):
            self.validator.run(0)
        self.validator.state.before = numbers(self.validator.state.metrics)


class WeightsSaver:
    """Handler that saves the weights of the best or last epoch, with scores in the sidecar.

    With several processes, only the first writes.

    Args:
        network: the network to save.
        path: `X.pt` to write; `{epoch}` in its name becomes the number of the epoch.
        sidecar: JSON values; the epoch, its scores, those before training if they are known (`StartScores`) and, if
            validation chose one, the threshold are added.
        only_best: save only if the key metric of the engine it is attached to is the best so far.
        validator: engine whose scores to write; by default the one it is attached to.
    """

    def __init__(
        self,
        network: nn.Module,
        path: str | Path,
        sidecar: Mapping[str, Any],
        only_best: bool = False,
        validator: Engine | None = None,
    ) -> None:
        self.network = network
        self.path = Path(path)
        self.sidecar = dict(sidecar)
        self.only_best = only_best
        self.validator = validator

    def attach(self, engine: Engine) -> None:
        """Save at the end of each epoch of `engine`."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    @idist.one_rank_only()
    def __call__(self, engine: Engine) -> None:
        """Save the weights, unless only the best are wanted and these are not."""
        if self.only_best and engine.state.best_metric_epoch != engine.state.epoch:
            return
        validator = self.validator or engine
        scores = numbers(validator.state.metrics)
        sidecar = {**self.sidecar, "epoch": engine.state.epoch}
        if validator.state.epoch == engine.state.epoch:  # otherwise the scores belong to an earlier epoch's weights
            sidecar["validation"] = scores
        # before training they are these; `StartScores` knows them only when the weights have been saved
        if before := scores if engine.state.epoch == 0 else getattr(validator.state, "before", None):
            sidecar["validation_before"] = before
        if "threshold" in scores:
            sidecar["threshold"] = scores["threshold"]
        path = self.path.with_name(self.path.name.replace("{epoch}", f"{engine.state.epoch:04d}"))
        path.parent.mkdir(exist_ok=True)
        save_weights(path, self.network, sidecar)
