"""How many steps each training of a study may take, so that all of it fits into its minutes."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

from scripts.core import WEIGHTS, counted, duration, refuse
from scripts.data import find_dataset
from scripts.study import Trial

from .process import EPOCHS, evaluate, rows_of, train

logger = logging.getLogger(__name__)

PILOT_STEPS, PILOT_EPOCHS = 4, 2
MIN_STEPS = 5
"""Per epoch; less is no training."""
ROOM = 1.25
"""By which the minutes that are asked for exceed what it takes: the next time the machine may be slower."""


@dataclass(frozen=True)
class Timing:
    """What one training and one scoring take on this machine, in seconds.

    Attributes:
        start: from the command to the first step, and from the last epoch to the end.
        step: of training.
        validate: once an epoch.
        score: a million voxels of what is held out.
    """

    start: float
    step: float
    validate: float
    score: float

    def steps(
        self, plan: Sequence[Trial], scored: Sequence[Trial], epochs: int, minutes: float, spent: float = 0.0
    ) -> int:
        """Return how many steps an epoch of each training may have.

        Args:
            plan: all trials.
            scored: those of them that are scored.
            epochs: of each training.
            minutes: for all of them.
            spent: minutes of these that are gone.

        Raises:
            UserError: if there is no time for `MIN_STEPS`.
        """
        trained = sum(trial.trains is not None for trial in plan)
        scoring = sum(self.score * megavoxels(trial.scored) + self.start for trial in scored)
        fixed = scoring + trained * (self.start + epochs * self.validate)
        seconds = 60 * (minutes - spent) - fixed
        steps = int(seconds / (trained * epochs * self.step)) if trained else 0
        if trained and steps < MIN_STEPS:
            least = ceil(spent + ROOM * (fixed + trained * epochs * self.step * MIN_STEPS) / 60)
            taken = f"{counted(trained, 'training')} and {counted(len(scored), 'scoring')}"
            problem = f"{taken} take {counted(least, 'minute')} at the least"
            refuse(f"--budget {minutes:g}", problem, f"give --budget {least} or more, or fewer --seeds")
        return steps


def measure_timing(folder: Path, plan: Sequence[Trial], options: Mapping[str, Any], metrics: Sequence[str]) -> Timing:
    """Run a very short training and scoring to see what they take.

    Args:
        folder: for what they write; it is removed.
        plan: the study's trials, of which the first that trains is tried.
        options: of every training.
        metrics: of the scorings.
    """
    trial = next((each for each in plan if each.trains is not None), plan[0])
    shutil.rmtree(folder, ignore_errors=True)
    start = step = validate = 0.0
    weights = WEIGHTS
    if trial.trains is not None:
        begun = time.monotonic()
        logger.info("a training of %d steps, to see how many the budget allows", PILOT_STEPS * PILOT_EPOCHS)
        short = {**options, "epochs": PILOT_EPOCHS, "iterations_per_epoch": PILOT_STEPS}
        ends: list[float] = []
        weights, _ = train(folder, trial, short, lambda row: ends.append(time.monotonic()) is None)
        whole = time.monotonic() - begun
        seconds = [row["seconds"] for row in rows_of(folder / "weights" / EPOCHS)]
        step = min(seconds) / PILOT_STEPS
        # the second epoch's row comes its steps and a validation after the first's, give or take a look at the file
        validate = max(0.0, ends[1] - ends[0] - seconds[1])
        start = max(0.0, whole - sum(seconds) - 2 * validate)
    begun = time.monotonic()
    evaluate(folder / "scored", trial.scored, weights, metrics, options)
    score = max(0.0, time.monotonic() - begun - start) / megavoxels(trial.scored)
    shutil.rmtree(folder, ignore_errors=True)
    found = Timing(start, step, validate, score)
    told = ", ".join(f"{name} {duration(value)}" for name, value in asdict(found).items())
    logger.debug("%s", told)
    return found


def megavoxels(dataset: Path) -> float:
    """Return how many million voxels the images of a dataset have."""
    total = 0
    for item in find_dataset(dataset):
        x, y, z = item["shape"]
        total += x * y * z
    return total / 1e6
