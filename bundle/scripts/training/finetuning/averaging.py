"""Fine-tuning keeps the mean of the weights in training and of those that it began with."""

from __future__ import annotations

import logging
from copy import deepcopy

import torch
from ignite.engine import Engine, Events
from torch import nn

from scripts.core import read_number, refuse
from scripts.weights import TUNED_SHARE

from .start import Start

logger = logging.getLogger(__name__)


class AverageWithStart:
    """Handler that averages the weights in training with those before, after every epoch.

    What a few blocks teach a network is in part how just those blocks look. Between the weights before and after lie
    ones that know what was taught and still much of what the first ones knew of all else (WiSE-FT: Wortsman M. et al.,
    *Robust fine-tuning of zero-shot models*, CVPR 2022, section 3; docs/fine-tuning-experiments.md has what it is worth
    here). As what is validated is the mean, the best epoch is the one with the best mean.

    Args:
        network: the network that learns, with the weights that it begins with.
        start: where it begins; with a new last layer there is no mean, because the rest of the network comes to belong
            to that layer.
        share: of the weights in training, above 0; None or 1 keeps these alone.

    Attributes:
        kept: the network to validate and to save: the mean, or `network` itself where there is none.
        share: as it is done; None where there is no mean.

    Raises:
        UserError: if `share` is not such a number, or there are no weights to begin with.
    """

    def __init__(self, network: nn.Module, start: Start, share: float | None) -> None:
        share = read_number(TUNED_SHARE, share)
        self.network = network
        self.share = None if share == 1 else share
        if self.share is not None and start.origin is None:
            refuse(f"--{TUNED_SHARE}", "an untrained network has nothing to be averaged with", "give --ckpt_path too")
        if self.share is not None and start.new_classifier:
            logger.info("the tuned weights are kept alone, because their last layer is new")
            self.share = None
        if self.share is not None:
            told = "what is validated and kept is the mean of the weights in training, %g of it, and of those before"
            logger.info(told, self.share)
        self.kept = network if self.share is None else deepcopy(network).requires_grad_(False)
        self._begun = deepcopy(self.kept.state_dict()) if self.share is not None else {}

    def attach(self, engine: Engine) -> None:
        """Average at the end of every epoch of `engine`, before what validates or saves then."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    @torch.no_grad()
    def __call__(self, engine: Engine) -> None:
        """Put the mean of the weights as they are now into `kept`."""
        if self.share is None:
            return
        tuned = self.network.state_dict()
        for name, kept in self.kept.state_dict().items():
            # a count, as some layers keep, has no mean
            mean = torch.lerp(self._begun[name], tuned[name], self.share) if kept.is_floating_point() else tuned[name]
            kept.copy_(mean)
