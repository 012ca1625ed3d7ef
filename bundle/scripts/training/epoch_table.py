"""A table of epochs: a line of log and a row of a CSV file for each."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from ignite.metrics import Average
from monai.handlers import from_engine

from scripts.core import write_whole

from .handlers import numbers

logger = logging.getLogger(__name__)


class EpochTable:
    """Handler: a line of log and a row of a CSV file for every epoch, whole after each.

    Of several processes the first writes.

    Columns: epoch, iteration, the learning rate of the epoch, the mean of the losses, then the scores of the engines
    that ran in this epoch. An empty cell is a score that is undefined, or was not taken.

    Args:
        path: `X.csv`.
        optimizer: whose learning rate to state.
        engines: that validate or test, and have run when this handler is called.
    """

    def __init__(self, path: str | Path, optimizer: torch.optim.Optimizer, engines: Mapping[str, Engine]) -> None:
        self.path = Path(path)
        self.optimizer = optimizer
        self.engines = engines
        self.rows: list[dict[str, float]] = []

    def attach(self, engine: Engine) -> None:
        """Add a row at the end of every epoch of `engine`, the trainer."""
        # not "train_loss": MONAI's MLflow handler gives that name to the loss of every step
        Average(output_transform=from_engine(["loss"], first=True)).attach(engine, "mean_loss")
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Add a row and write the table."""
        row: dict[str, float] = {
            "epoch": engine.state.epoch,
            "iteration": engine.state.iteration,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            **numbers({"train_loss": engine.state.metrics["mean_loss"]}),
        }
        for other in self.engines.values():
            if other.state.epoch == engine.state.epoch:
                row |= numbers(other.state.metrics)
        self.rows.append(row)
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        self._save(columns)
        told = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if name not in ("epoch", "iteration"))
        logger.info("epoch %d of %d: %s", engine.state.epoch, engine.state.max_epochs, told)

    @idist.one_rank_only()
    def _save(self, columns: list[str]) -> None:
        def write(path: Path) -> None:
            with path.open("w", newline="") as file:
                table = csv.DictWriter(file, columns, lineterminator="\n")
                table.writeheader()
                table.writerows(self.rows)

        write_whole(self.path, write)

    def state_dict(self) -> dict[str, Any]:
        """Return the rows."""
        return {"rows": self.rows}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on below them."""
        self.rows = list(state["rows"])
