"""How processes share training and validation, with the same result as a single process.

`batch_size` is that of the global batch: process r of n takes patches r, r + n and so on, the loss and its gradient are
those of the whole batch, and all processes make the same step. In validation, process r scores volumes r, r + n and so
on, and all processes receive all scores (`scripts.metrics`), so they agree on the best epoch and on when to stop. With
a single process, none of this changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from ignite.handlers import ProgressBar
from monai.engines import SupervisedEvaluator, default_prepare_batch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import BatchSampler, DistributedSampler

from scripts.core import refuse
from scripts.data import pad_collate
from scripts.inference import ScoringEvaluator


class DistributedBatches(BatchSampler):
    """This process's share of every global batch; attach it to the trainer to count epochs.

    Args:
        sampler: sampler of all patches, an `scripts.data.EpochSampler` for one process.
        batch_size: patches in the global batch; if it does not divide evenly, shares differ by one patch.

    Raises:
        UserError: if the batch is smaller than the number of processes.
    """

    def __init__(self, sampler: DistributedSampler, batch_size: int) -> None:
        if batch_size < idist.get_world_size():
            refuse(
                f"--batch_size {batch_size}",
                f"is shared by {idist.get_world_size()} processes and leaves some without a patch",
                "raise it, or start fewer processes (--nproc_per_node)",
            )
        super().__init__(sampler, batch_size, drop_last=False)

    def attach(self, engine: Engine) -> None:
        """Tell the sampler the epoch of `engine`; MONAI does this only for a loader's `sampler`."""
        engine.add_event_handler(Events.EPOCH_STARTED, lambda: self.sampler.set_epoch(engine.state.epoch))

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the indices of this process's patches, one list per step."""
        for batch in super().__iter__():
            yield batch[idist.get_rank() :: idist.get_world_size()]


def prepare_batch(
    batch: Mapping[str, torch.Tensor], device: torch.device, non_blocking: bool = False, **kwargs: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad patches to the largest of the global batch, as a single process would.

    Args:
        batch: `image` `(B, C, X, Y, Z)` and `label` `(B, 1, X, Y, Z)`.
        device: device to move them to.
        non_blocking: see MONAI's `default_prepare_batch`.
        kwargs: further arguments of `Tensor.to`.
    """
    shape = torch.tensor(batch["image"].shape[2:])
    largest = idist.all_reduce(shape.clone(), "MAX")
    if not torch.equal(largest, shape):
        patches = zip(batch["image"], batch["label"], strict=True)
        batch = pad_collate([{"image": image, "label": label} for image, label in patches], largest.tolist())
    return default_prepare_batch(batch, device, non_blocking, **kwargs)


class GlobalLoss(nn.Module):
    """The loss of the global batch, which is split over the processes.

    A loss is a mean over patches, or a mean over voxels that is weighted by class. If L_r is the loss of process r's
    share and d_r its divisor, the loss of all n shares is sum(L_r d_r) / sum(d_r), and that is the value returned. The
    gradient in process r is that of n L_r d_r / sum(d_r): the factor n cancels `DistributedDataParallel`'s mean over
    the processes.

    Args:
        loss: a loss with a method `divisor(label)` that returns the number that the loss divides by.

    Raises:
        UserError: if the loss has no such method.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        if not hasattr(loss, "divisor"):
            refuse(
                f"loss {type(loss).__name__}",
                "has no method divisor(label), so several processes cannot share it",
                "wrap it in scripts.training.LabelledVoxelsLoss",
            )
        self.loss = loss

    def forward(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits `(B, K, X, Y, Z)` and label `(B, 1, X, Y, Z)`, a scalar."""
        loss, divisor = self.loss(logits, label), self.loss.divisor(label)
        total, summed = idist.all_reduce(torch.stack([divisor.double(), loss.detach().double() * divisor]))
        if not total:  # nothing is labelled in any share
            return loss
        mine = loss * (divisor / total * idist.get_world_size()).to(loss)
        return mine + (summed / total - mine.double()).detach().to(loss)


class DistributedGradients:
    """Handler that wraps the network in torch's `DistributedDataParallel`, for the trainer only.

    The wrapper knows only the weights that learn when it is made, so it is replaced when frozen ones start to learn
    (`scripts.training.Thaw`, which must be attached first). Weights are saved, validated and resumed without it, so
    they have the same names as in a single process.

    Args:
        network: the trainer's network.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.learning = 0

    def attach(self, engine: Engine) -> None:
        """Check at the start of every epoch of `engine`, the trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Wrap the network again if the weights that learn have changed."""
        learning = sum(weight.requires_grad for weight in self.network.parameters())
        if learning != self.learning:
            engine.network = DistributedDataParallel(self.network)
            self.learning = learning


def my_volumes(volumes: Sized) -> range:
    """Return the numbers of the volumes that this process scores; there may be none."""
    return range(idist.get_rank(), len(volumes), idist.get_world_size())


class DistributedEvaluator(SupervisedEvaluator):
    """MONAI's evaluator, but it also runs without volumes, so the process receives all scores."""

    def run(self, global_epoch: int = 1) -> None:
        """Score this process's volumes, if any, and take part in gathering all scores."""
        if self.state.epoch_length:
            super().run(global_epoch)
            return
        self.state.epoch, self.state.max_epochs = global_epoch, max(global_epoch, 1)
        self.state.iteration = 0
        for event in (Events.STARTED, Events.EPOCH_STARTED, Events.EPOCH_COMPLETED, Events.COMPLETED):
            self.fire_event(event)


class DistributedScorer(DistributedEvaluator, ScoringEvaluator):
    """The same, of volumes that go by blocks where they do not fit into memory."""


def on_first_process(handlers: Sequence[Any]) -> list[Any]:
    """Return the handlers without progress bars, except on the first process."""
    return [each for each in handlers if idist.get_rank() == 0 or not isinstance(each, ProgressBar)]
