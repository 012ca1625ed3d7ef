"""A table of epochs: one log line and one row of a CSV file for each."""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from ignite.metrics import Average
from monai.handlers import from_engine

from scripts.core import write_whole

from .handlers import numbers, score_text

logger = logging.getLogger(__name__)


class EpochTable:
    """Handler that logs every epoch and adds it as a row to a CSV file.

    The file is complete after each epoch. With several processes, only the first writes.

    The columns are epoch, iteration, the epoch's learning rate, the mean loss, then the scores of the engines that ran
    in this epoch. An empty cell means that a score is undefined or was not computed.

    Args:
        path: `X.csv` to write.
        optimizer: the optimiser whose learning rate to write.
        engines: validation and test engines by name, which have run before this handler is called.
    """

    def __init__(self, path: str | Path, optimizer: torch.optim.Optimizer, engines: Mapping[str, Engine]) -> None:
        self.path = Path(path)
        self.optimizer = optimizer
        self.engines = engines
        self.rows: list[dict[str, float]] = []

    def attach(self, engine: Engine) -> None:
        """Add a row at the end of every epoch of `engine`, the trainer."""
        # not named "train_loss": MONAI's MLflow handler gives that name to the loss of every step
        Average(output_transform=from_engine(["loss"], first=True)).attach(engine, "mean_loss")
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Add a row and write the table."""
        row: dict[str, float] = {
            "epoch": engine.state.epoch,
            "iteration": engine.state.iteration,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            **numbers({"train_loss": engine.state.metrics["mean_loss"]}),
            **self.measured(),
        }
        for other in self.engines.values():
            if other.state.epoch == engine.state.epoch:
                row |= numbers(other.state.metrics)
        self.rows.append(row)
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        self._save(columns)
        told = "  ".join(score_text(name, value) for name, value in row.items() if name not in ("epoch", "iteration"))
        logger.info("epoch %d of %d: %s", engine.state.epoch, engine.state.max_epochs, told)

    def measured(self) -> dict[str, float]:
        """Return what else is told of an epoch: nothing that differs when a run is repeated."""
        return {}

    @idist.one_rank_only()
    def _save(self, columns: list[str]) -> None:
        def write(path: Path) -> None:
            with path.open("w", newline="") as file:
                table = csv.DictWriter(file, columns, lineterminator="\n")
                table.writeheader()
                table.writerows(self.rows)

        write_whole(self.path, write)

    def state_dict(self) -> dict[str, Any]:
        """Return the rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the rows of an earlier run."""
        self.rows = list(state["rows"])


class TimedEpochTable(EpochTable):
    """An `EpochTable` with a column `seconds`: what the steps of each epoch took.

    Reading and drawing of patches is in them, validation is not. Arguments are those of `EpochTable`.
    """

    began = ended = 0.0

    def attach(self, engine: Engine) -> None:
        """Add a row at the end of every epoch of `engine`, the trainer, and look at the clock."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._end)  # before handlers of the epoch validate
        super().attach(engine)

    def _begin(self) -> None:
        self.began = time.monotonic()

    def _end(self) -> None:
        self.ended = time.monotonic()

    def measured(self) -> dict[str, float]:
        """Return the seconds of the epoch's steps."""
        return {"seconds": round(self.ended - self.began, 3)}
