"""Validators whose scores are known beforehand, a training of seconds, a full disk, a file that would run code."""

import json
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.handlers import IgniteMetricHandler, LrScheduleHandler, ValidationHandler, from_engine
from monai.metrics import CumulativeIterationMetric
from torch import nn

from scripts.training import (
    EpochTable,
    Fingerprint,
    IterationSeed,
    NonFiniteGradientGuard,
    Patience,
    StartScores,
    TrainingState,
    WeightsSaver,
    run_training,
)

FINGERPRINT = {"seed": 3, "patch_size": (16, 16, 16), "loss": "Dice"}


class Scripted(CumulativeIterationMetric):
    """Gives these scores one after another."""

    def __init__(self, scores):
        super().__init__()
        self.scores = cycle(scores)

    def _compute_tensor(self, y_pred, y):
        return torch.tensor([[next(self.scores)]], dtype=torch.float64)

    def aggregate(self):
        return self.get_buffer().mean()


def metric(metric_fn):
    """A handler that scores predictions against labels."""
    return IgniteMetricHandler(metric_fn=metric_fn, output_transform=from_engine(["pred", "label"]))


def scripted_validator(handlers=(), **scores):
    """A validator whose runs give these scores; the first name is the key metric."""
    volume = torch.zeros(1, 1, 2, 2, 2)
    (key, *_), metrics = scores, {name: metric(Scripted(values)) for name, values in scores.items()}
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=[{"image": volume, "label": volume}],
        network=nn.Identity(),
        key_val_metric={key: metrics.pop(key)},
        additional_metrics=metrics,
        val_handlers=handlers,
    )


class MinusError(CumulativeIterationMetric):
    """The mean squared error, higher being better."""

    def _compute_tensor(self, y_pred, y):
        return -(y_pred - y).square().mean().reshape(1, 1)

    def aggregate(self):
        return self.get_buffer().mean()


def batches():
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(6, 2, 1, 4, 4, 4, generator=generator)
    return [{"image": one, "label": 2 * one - 0.5} for one in image[:3]], [{"image": image[5], "label": image[5]}]


def start(folder, seed=0, epochs=6, patience=None, fingerprint=FINGERPRINT, learning_rate=0.05, before=False):
    """A run as `train.json` puts it together, on a toy problem with dropout, validated every second epoch.

    `seed` is of the first weights, and of whatever torch may draw in this process; `before`: they are scored.
    """
    torch.manual_seed(seed)
    run, device = SimpleNamespace(), torch.device("cpu")
    run.network = nn.Sequential(nn.Conv3d(1, 4, 1), nn.Dropout(0.5), nn.Conv3d(4, 1, 1))
    run.optimizer = torch.optim.Adam(run.network.parameters(), lr=learning_rate)
    run.schedule = torch.optim.lr_scheduler.ExponentialLR(run.optimizer, 0.1 ** (1 / epochs))
    train, validate = batches()
    run.validator = SupervisedEvaluator(
        device=device,
        val_data_loader=validate,
        network=run.network,
        key_val_metric={"score": metric(MinusError())},
        val_handlers=[WeightsSaver(run.network, folder / "model_best.pt", {"threshold": 0.5}, only_best=True)],
    )
    run.patience, run.guard = Patience(patience, run.validator), NonFiniteGradientGuard(run.network)
    run.table = EpochTable(folder / "epochs.csv", run.optimizer, {"validate": run.validator})
    stateful = {"network": run.network, "optimizer": run.optimizer, "lr_scheduler": run.schedule}
    stateful |= {"guard": run.guard, "patience": run.patience, "table": run.table}
    run.state = TrainingState(folder, stateful, run.validator, Fingerprint({}, fingerprint))
    run.trainer = SupervisedTrainer(
        device=device,
        max_epochs=epochs,
        train_data_loader=train,
        network=run.network,
        optimizer=run.optimizer,
        loss_function=nn.MSELoss(),
        train_handlers=[
            IterationSeed(3),
            run.guard,
            run.patience,
            ValidationHandler(2, run.validator),
            run.table,
            LrScheduleHandler(run.schedule, print_lr=False),
            WeightsSaver(run.network, folder / "model_last.pt", {"threshold": 0.5}, validator=run.validator),
            run.state,
            *([StartScores(run.validator)] if before else []),
        ],
    )
    run.go = lambda resume=False: run_training(run.trainer, run.state, run.patience, resume)
    return run


@contextmanager
def small_disk(room):
    """Let this process write no file of more than `room` bytes: like a full disk, and nobody has to be root."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Hostile:
    """Unpickling it makes a file."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def killed_at(folder, iteration, signal=9):
    """An overlay whose training sends its own process a signal, as `kill -9` does, at the end of an iteration."""
    path = folder / "killed.json"
    kill = f"lambda engine: os.kill(os.getpid(), {int(signal)})"
    bomb = f"$@train#trainer.add_event_handler(ignite.engine.Events.ITERATION_COMPLETED(once={iteration}), {kill})"
    imports = ["$import os", "$import sys", "$import torch", "$import monai", "$import ignite"]
    path.write_text(json.dumps({"imports": imports, "run#0": bomb}))
    return path


def kept_after_an_epoch(folder):
    """What `resume.pt` holds after an epoch with a validation, with all the moments of the optimiser."""
    run = start(folder, epochs=2, patience=3)
    run.go()
    return torch.load(run.state.path, weights_only=True)
