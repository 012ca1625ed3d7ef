"""Resume a training that was killed, from one file that is rewritten after every epoch."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint

from scripts.core import move_into, refuse, return_freed_memory, write_whole
from scripts.weights import load_plain, read_bytes, read_sidecar, sidecar_path

from .closing import same_command
from .fingerprint import Fingerprint, differences, is_fingerprint
from .handlers import Patience, numbers
from .progress import told_training
from .saved_state import MismatchError, check_count, check_state, check_validator

logger = logging.getLogger(__name__)

NAME = "resume.pt"
CONTENT = {"fingerprint", "epoch", "iteration", "validator", "states"}
FROM_THE_START = "take a copy of it if there is one, or train from the start without --resume"
SET_ASIDE = "previous"
START = "the start, which no epoch has bettered"
LEFT_BY_A_RUN = (
    *("model_best.pt", "model_best.json", "model_best.int8.zip", "model_last.pt", "model_last.json"),
    *("epochs.csv", "snapshots"),
    NAME,
)


class TrainingState:
    """Handler, the last of each epoch, that writes what is needed to resume.

    No random state is needed, because everything random is a function of (seed, epoch, sample). With several processes,
    the first writes and all read, and their number may change.

    Args:
        ckpt_dir: folder to write `resume.pt` to.
        stateful: objects with a `state_dict` to save, by name.
        validator: validation engine, whose best epoch so far is saved too.
        fingerprint: fingerprint of the training.

    Attributes:
        kept: the epoch after which this training can be resumed; 0 before the first has ended.
    """

    def __init__(
        self, ckpt_dir: str | Path, stateful: Mapping[str, Any], validator: Engine, fingerprint: Fingerprint
    ) -> None:
        self.path = Path(ckpt_dir) / NAME
        self.stateful = stateful
        self.validator = validator
        self.fingerprint = fingerprint
        self.kept = 0

    def attach(self, engine: Engine) -> None:
        """Write at the end of every epoch of `engine`, the trainer."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    @idist.one_rank_only()
    def __call__(self, engine: Engine) -> None:
        """Write the file."""
        validator = self.validator.state
        content = {
            "fingerprint": self.fingerprint.take(engine),
            "epoch": engine.state.epoch,
            "iteration": engine.state.iteration,
            "validator": {
                "epoch": validator.epoch,
                "metrics": numbers(validator.metrics),
                "best_metric": float(validator.best_metric),
                "best_metric_epoch": validator.best_metric_epoch,
                **({"before": validator.before} if hasattr(validator, "before") else {}),
            },
            "states": {name: component.state_dict() for name, component in self.stateful.items()},
        }

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:
                torch.save(content, file)

        write_whole(self.path, write)
        self.kept = engine.state.epoch

    def restore(self, engine: Engine) -> None:
        """Restore `engine`, the trainer, and all stateful objects to the last finished epoch.

        Raises:
            UserError: if there is no file to resume from, it is damaged or of another version, or the training was
                started with other settings.
        """
        content = self._read()
        begun, here = content["fingerprint"], self.fingerprint.take(engine)
        if differing := differences(begun, here):
            problem = f"this training was started with {', '.join(differing)}"
            refuse(self.path, problem, "resume with the settings it was started with, or give another --ckpt_dir")
        try:  # all of it, before anything is changed
            check_count("epoch", content["epoch"])
            check_count("iteration", content["iteration"])
            check_validator(content["validator"])
            for name, component in self.stateful.items():
                check_state(name, component, content["states"][name])
        except MismatchError as error:
            refuse(self.path, f"is damaged, so nothing was resumed ({error})", FROM_THE_START)
        Checkpoint.load_objects(to_load=dict(self.stateful), checkpoint=content["states"])
        engine.state.epoch, engine.state.iteration = content["epoch"], content["iteration"]
        self.kept = content["epoch"]
        for name, value in content["validator"].items():
            setattr(self.validator.state, name, value)
        logger.info("resumed after epoch %d", content["epoch"])

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            refuse(self.path, "there is no training to resume", "leave --resume out to start one", FileNotFoundError)
        problem = "is damaged, so nothing was resumed"
        content = load_plain(read_bytes(self.path), self.path, problem, FROM_THE_START)
        states = content.get("states") if isinstance(content, dict) and set(content) >= CONTENT else None
        if not isinstance(states, dict) or set(states) != set(self.stateful):
            remedy = "use the version that started this training, or train from the start without --resume"
            refuse(self.path, "was not written by this version of the bundle", remedy)
        if not is_fingerprint(content["fingerprint"]):
            refuse(self.path, f"{problem} (fingerprint are not settings by name)", FROM_THE_START)
        return content

    @idist.one_rank_only()
    def clear(self) -> None:
        """Delete the files that earlier trainings left."""
        for path in self._left():
            path.unlink()

    def _left(self) -> list[Path]:
        return [self.path.parent / name for name in LEFT_BY_A_RUN if (self.path.parent / name).exists()]

    @idist.one_rank_only()
    def set_aside(self) -> None:
        """Move the files that earlier trainings left to `previous/`, `previous_2/` and so on."""
        left = self._left()
        if not left:
            return
        folders = (self.path.with_name(SET_ASIDE + (f"_{number}" if number > 1 else "")) for number in count(1))
        folder = next(folder for folder in folders if not folder.exists())
        move_into(folder, left)
        logger.info("%s: moved the files of an earlier training to %s/", self.path.parent, folder.name)


def run_training(trainer: Engine, state: TrainingState, patience: Patience, resume: bool, keep: bool = True) -> None:
    """Train from the start, or resume an earlier run; a run that had finished is left as it is.

    Args:
        trainer: MONAI's trainer.
        state: handler that saves and restores the training.
        patience: handler that stops it early.
        resume: continue the earlier run.
        keep: set aside the files of earlier trainings; otherwise delete them, as in a server that trains at every new
            label.

    Raises:
        UserError: if there is nothing to resume, or it cannot be resumed.
    """
    if not resume:
        state.set_aside() if keep else state.clear()
    else:
        state.restore(trainer)
        if patience.spent or trainer.state.epoch >= trainer.state.max_epochs:
            why = "its patience has run out" if patience.spent else f"--epochs is {trainer.state.max_epochs}"
            logger.warning("nothing to do: training ended after epoch %d, %s", trainer.state.epoch, why)
            return
    # what was looked up in the volumes, or scored, is freed before processes that load are made of this one
    return_freed_memory()
    trainer.add_event_handler(Events.EPOCH_COMPLETED, return_freed_memory)
    with told_if_stopped(trainer, state), told_training(trainer):
        trainer.run()
    return_freed_memory()


@contextmanager
def told_if_stopped(trainer: Engine, state: TrainingState) -> Iterator[None]:
    """Say what a training has kept that Ctrl-C stops in this block, and how it goes on.

    Where it ends before its first epoch has, however that comes, the weights that it began with and had scored
    (`StartScores`) do not stay as if it had made them. Of several processes, the first does all this.

    Args:
        trainer: MONAI's trainer.
        state: handler that saves the training.

    Raises:
        KeyboardInterrupt: again, with all that as its message.
    """
    try:
        yield
    except BaseException as error:
        if idist.get_rank() > 0:
            raise
        best = state.path.with_name("model_best.pt")
        if not state.kept and _epoch_of(best) == 0:
            for path in (best, sidecar_path(best)):
                path.unlink(missing_ok=True)
        if not isinstance(error, KeyboardInterrupt):
            raise
        raise KeyboardInterrupt(_kept_text(trainer, state)) from None


def _kept_text(trainer: Engine, state: TrainingState) -> str:
    """Return what a stopped training has kept, and the command that goes on."""
    where = f"in epoch {max(1, trainer.state.epoch)} of {trainer.state.max_epochs}"
    again = same_command(resume=state.kept > 0) if idist.get_world_size() == 1 else "give the same command"
    if not state.kept:
        return f"{where}, before one had ended, so nothing is kept; to start again: {again}"
    if idist.get_world_size() > 1:
        again += " with --resume true"
    weights = {name: _epoch_of(state.path.with_name(name)) for name in ("model_best.pt", "model_last.pt")}
    told = [f"{name} of {f'epoch {epoch}' if epoch else START}" for name, epoch in weights.items() if epoch is not None]
    return (
        f"{where}; {state.path.parent.resolve()} has {' and '.join(told)}; to go on after epoch {state.kept}: {again}"
    )


def _epoch_of(weights: Path) -> int | None:
    """Return the epoch that weights are of, by their sidecar; None without them."""
    return read_sidecar(weights).get("epoch") if weights.exists() and sidecar_path(weights).exists() else None
