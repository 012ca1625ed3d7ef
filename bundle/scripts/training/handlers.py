"""Handlers of the training loop that MONAI and Ignite lack: sound gradients, repeatable draws, patience, files.

Those with a `state_dict` are kept by `scripts.training.TrainingState`, so that a resumed run goes on
from where they were.
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
    """Keep the scores that are numbers; what is undefined is left out."""
    return {name: float(value) for name, value in metrics.items() if np.isscalar(value) and np.isfinite(value)}


def named(handler: Any) -> Any:
    """Return a handler that stands elsewhere in a config, for others refer to it too.

    MONAI and MONAI Label read the `_target_` of every handler in `train#handlers`, which a bare reference lacks.
    """
    return handler


class NonFiniteGradientGuard:
    """Leave out the step where a gradient is infinite or NaN, and count such steps.

    One of them would turn every weight into NaN; in bfloat16 they were met with a finite loss.

    Args:
        network: whose gradients are looked at, before the optimiser's step.

    Attributes:
        skipped: steps left out so far.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.skipped = 0

    def attach(self, engine: Engine) -> None:
        """Look after every backward pass of `engine`."""
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Drop the gradients, so that the optimiser has nothing to apply."""
        gradients = [weight.grad for weight in self.network.parameters() if weight.grad is not None]
        if not all(torch.isfinite(gradient).all() for gradient in gradients):
            self.skipped += 1
            logger.warning(
                "iteration %d: gradients not finite, step left out (%d so far)", engine.state.iteration, self.skipped
            )
            self.network.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, int]:
        """Return the count."""
        return {"skipped": self.skipped}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Count on."""
        self.skipped = state["skipped"]


class IterationSeed:
    """Make what torch draws in a training step (dropout) a function of (seed, iteration, process).

    So a resumed run needs no random state, and neither validation nor the loader's workers change what is drawn. Torch
    draws for a batch as a whole, so several processes, each with other patches, draw otherwise than one.

    Args:
        seed: of the run.
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
    """Stop training when validation has not improved for a while: Ignite's `EarlyStopping`, which can be resumed.

    Args:
        patience: validations without a better key metric; None never stops.
        validator: whose key metric counts, higher being better. An undefined one is no improvement.
    """

    def __init__(self, patience: int | None, validator: Engine) -> None:
        self.validator = validator
        # Ignite wants the trainer at once, which comes into being after its handlers
        self.stopping = None if patience is None else EarlyStopping(patience, self._score, Engine(lambda *_: None))

    def attach(self, engine: Engine) -> None:
        """Stop `engine`, the trainer."""
        if self.stopping is not None:
            self.stopping.trainer = engine
            # not EarlyStopping.attach, which forgets at the start of a run how much patience is spent
            self.validator.add_event_handler(Events.COMPLETED, self.stopping)
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
        """Whether training has to stop."""
        return self.stopping is not None and self.stopping.counter >= self.stopping.patience

    def state_dict(self) -> dict[str, Any]:
        """Return what is spent so far, and the best score."""
        return {} if self.stopping is None else {"counter": self.stopping.counter, "best": self.stopping.best_score}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        if self.stopping is not None and state:
            self.stopping.counter, self.stopping.best_score = state["counter"], state["best"]


class WeightsSaver:
    """Handler: keep the weights of the best epoch, or of the last, with a sidecar that says how they scored.

    Of several processes the first writes.

    Args:
        network: to save.
        path: `X.pt`.
        sidecar: JSON values; epoch, the scores of this epoch and, if validation chose one, the threshold are added.
        only_best: save only when the key metric of the engine it is attached to is the best so far.
        validator: whose scores to state; the engine it is attached to by default.
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
        """Save at the end of epochs of `engine`."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    @idist.one_rank_only()
    def __call__(self, engine: Engine) -> None:
        """Save, if it is time."""
        if self.only_best and engine.state.best_metric_epoch != engine.state.epoch:
            return
        validator = self.validator or engine
        scores = numbers(validator.state.metrics)
        sidecar = {**self.sidecar, "epoch": engine.state.epoch}
        if validator.state.epoch == engine.state.epoch:  # else they are the scores of an earlier epoch's weights
            sidecar["validation"] = scores
        if "threshold" in scores:
            sidecar["threshold"] = scores["threshold"]
        save_weights(self.path, self.network, sidecar)
