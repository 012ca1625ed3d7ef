"""What each of several processes does of a training and of a validation, so that together they equal one process.

A step's batch is the global one: process r of n takes its patches r, r + n and so on, the loss and its gradient are
those of the whole batch, and all processes make the same step. Of the volumes that validate, process r scores volumes
r, r + n and so on, and all learn all scores (`scripts.metrics`), so they agree on the best epoch and on when to
stop. Without processes, all of this is the identity.
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


class DistributedBatches(BatchSampler):
    """This process's share of every global batch; it has to be attached to the trainer, which counts the epochs.

    Args:
        sampler: of all patches (`scripts.data.EpochSampler`, of one process).
        batch_size: of the global batch; shares differ by one patch where it does not divide.

    Raises:
        UserError: for a batch that has no patch for some process.
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
        """Tell the sampler the epoch of `engine`; MONAI does so only for what a loader calls its sampler."""
        engine.add_event_handler(Events.EPOCH_STARTED, lambda: self.sampler.set_epoch(engine.state.epoch))

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the indices of this process's patches, a list a step."""
        for batch in super().__iter__():
            yield batch[idist.get_rank() :: idist.get_world_size()]


def prepare_batch(
    batch: Mapping[str, torch.Tensor], device: torch.device, non_blocking: bool = False, **kwargs: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Let patches grow to the largest of the global batch, as they would if they were in one batch.

    Args:
        batch: `image` `(B, C, X, Y, Z)` and `label` `(B, 1, X, Y, Z)`.
        device: to move them to.
        non_blocking: see MONAI.
        kwargs: for `Tensor.to`.
    """
    shape = torch.tensor(batch["image"].shape[2:])
    largest = idist.all_reduce(shape.clone(), "MAX")
    if not torch.equal(largest, shape):
        patches = zip(batch["image"], batch["label"], strict=True)
        batch = pad_collate([{"image": image, "label": label} for image, label in patches], largest.tolist())
    return default_prepare_batch(batch, device, non_blocking, **kwargs)


class GlobalLoss(nn.Module):
    """The loss of the global batch, of which each process sees its share.

    A loss is a mean, over patches or over voxels weighted by class. With the sum L_r d_r and the divisor d_r of process
    r's share, the loss of all n shares is sum(L_r d_r) / sum(d_r), and that is the value returned. Its gradient is
    that of n L_r d_r / sum(d_r), for `DistributedDataParallel` takes the mean of the gradients over the processes.

    Args:
        loss: with a method `divisor(label)` that tells what it divides by.

    Raises:
        UserError: for a loss without.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        if not hasattr(loss, "divisor"):
            refuse(
                f"loss {type(loss).__name__}",
                "does not tell what it is a mean over, so several processes cannot share it",
                "wrap it in scripts.training.LabelledVoxelsLoss",
            )
        self.loss = loss

    def forward(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """`(B, K, X, Y, Z)` and `(B, 1, X, Y, Z)` to a scalar."""
        loss, divisor = self.loss(logits, label), self.loss.divisor(label)
        total, summed = idist.all_reduce(torch.stack([divisor.double(), loss.detach().double() * divisor]))
        if not total:  # nothing is labelled in any share
            return loss
        mine = loss * (divisor / total * idist.get_world_size()).to(loss)
        return mine + (summed / total - mine.double()).detach().to(loss)


class DistributedGradients:
    """Handler: let the trainer run its network in torch's `DistributedDataParallel`, and no one else.

    It knows only the weights that learn when it is made, so it is made anew when others thaw
    (`scripts.training.Thaw`, which has to be attached before). Weights are saved, validated and resumed
    without it, and so have the names they have in one process.

    Args:
        network: of the trainer.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.learning = 0

    def attach(self, engine: Engine) -> None:
        """Look at the start of every epoch of `engine`, the trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Wrap the network, if what learns has changed."""
        learning = sum(weight.requires_grad for weight in self.network.parameters())
        if learning != self.learning:
            engine.network = DistributedDataParallel(self.network)
            self.learning = learning


def my_volumes(volumes: Sized) -> range:
    """Return the numbers of the volumes that this process scores; none where there are fewer than processes."""
    return range(idist.get_rank(), len(volumes), idist.get_world_size())


class DistributedEvaluator(SupervisedEvaluator):
    """MONAI's evaluator, which also runs over no volume at all: that process has to hear how the others scored."""

    def run(self, global_epoch: int = 1) -> None:
        """Score this process's volumes, if any, and take part in what is gathered at the end."""
        if self.state.epoch_length:
            super().run(global_epoch)
            return
        self.state.max_epochs = self.state.epoch = max(global_epoch, 1)
        self.state.iteration = 0
        for event in (Events.STARTED, Events.EPOCH_STARTED, Events.EPOCH_COMPLETED, Events.COMPLETED):
            self.fire_event(event)


def on_first_process(handlers: Sequence[Any]) -> list[Any]:
    """Leave progress bars to the first process."""
    return [each for each in handlers if idist.get_rank() == 0 or not isinstance(each, ProgressBar)]
