"""Handlers of the training loop that MONAI and Ignite lack."""

from __future__ import annotations

import logging

import torch
from ignite.engine import Engine
from monai.engines import IterationEvents

logger = logging.getLogger(__name__)


class NonFiniteGradientGuard:
    """Leave out the step where a gradient is infinite or NaN, and count such steps.

    One of them would turn every weight into NaN; in bfloat16 they do occur with a finite loss.

    Args:
        network: whose gradients are looked at, before the optimiser's step.

    Attributes:
        skipped: steps left out so far.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network
        self.skipped = 0

    def attach(self, engine: Engine) -> None:
        """Look after every backward pass of ``engine``."""
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
