"""What a training run needs to go on after it was killed: one file, whole after every epoch."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint

from scripts.core import DECIDE_TRAINING, move_into, refuse, write_whole

from .handlers import Patience, numbers

logger = logging.getLogger(__name__)

NAME = "resume.pt"
CONTENT = {"fingerprint", "epoch", "iteration", "validator", "states"}
SET_ASIDE = "previous"
LEFT_BY_A_RUN = ("model_best.pt", "model_best.json", "model_last.pt", "model_last.json", "epochs.csv", NAME)


class Fingerprint:
    """What decides what a training computes; it can only be resumed with the same.

    Args:
        resolved: the config's resolved values by id, of which the options count that decide
            (`scripts.core.DECIDE_TRAINING`). They are looked up when the fingerprint is taken: by then the whole
            config has been resolved.
        components: further values, or objects that stand for their class and public attributes, by name. They are
            looked at now, before a transform has drawn.
    """

    def __init__(self, resolved: Mapping[str, Any], components: Mapping[str, Any]) -> None:
        self.resolved = resolved
        self.components = _describe(components)

    def take(self) -> dict[str, Any]:
        """Return it as JSON values, by names such as `loss#weight`."""
        options = {name: self.resolved[name] for name in DECIDE_TRAINING if name in self.resolved}
        return json.loads(json.dumps(_flat({**_describe(options), **self.components})))


def _describe(component: Any) -> Any:
    """Put what makes a component what it is (a loss, a list of transforms) into JSON values.

    Numbers, texts, lists and dictionaries stand for themselves, tensors for their numbers, and objects for their class
    and public attributes, before a transform has drawn; random states are left out.
    """
    if component is None or isinstance(component, bool | int | float | str):
        return component
    if isinstance(component, Mapping):
        return {str(name): _describe(value) for name, value in component.items()}
    if isinstance(component, list | tuple):
        return [_describe(value) for value in component]
    if isinstance(component, torch.Tensor):
        return component.tolist()
    if isinstance(component, Enum):
        return component.value
    if isinstance(component, torch.optim.Optimizer):
        return {"class": type(component).__name__, **_describe(component.defaults)}
    if not type(component).__module__.startswith(("monai.", "scripts.", "torch.nn.")):
        return type(component).__name__
    passing = ("R", "training")  # what changes in the course of a run
    own = {name: value for name, value in vars(component).items() if not name.startswith("_") and name not in passing}
    if isinstance(component, torch.nn.Module):
        own |= dict(component.named_children()) | dict(component.named_buffers(recurse=False))
    return {"class": type(component).__name__, **_describe(own)}


def _flat(nested: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        inner = _flat(value, f"{before}{name}#") if isinstance(value, Mapping) and value else {f"{before}{name}": value}
        flat |= inner
    return flat


class TrainingState:
    """Handler, the last of an epoch: write what resuming needs.

    What is random is a function of (seed, epoch, sample), so no random state is among it. Of several processes the
    first writes, all read, and another number of them may go on.

    Args:
        ckpt_dir: gets `resume.pt`.
        stateful: what has a `state_dict`, by name.
        validator: whose best epoch so far counts.
        fingerprint: of the training.
    """

    def __init__(
        self, ckpt_dir: str | Path, stateful: Mapping[str, Any], validator: Engine, fingerprint: Fingerprint
    ) -> None:
        self.path = Path(ckpt_dir) / NAME
        self.stateful = stateful
        self.validator = validator
        self.fingerprint = fingerprint

    def attach(self, engine: Engine) -> None:
        """Write at the end of every epoch of `engine`, the trainer."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    @idist.one_rank_only()
    def __call__(self, engine: Engine) -> None:
        """Write the file."""
        validator = self.validator.state
        content = {
            "fingerprint": self.fingerprint.take(),
            "epoch": engine.state.epoch,
            "iteration": engine.state.iteration,
            "validator": {
                "epoch": validator.epoch,
                "metrics": numbers(validator.metrics),
                "best_metric": float(validator.best_metric),
                "best_metric_epoch": validator.best_metric_epoch,
            },
            "states": {name: component.state_dict() for name, component in self.stateful.items()},
        }

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:
                torch.save(content, file)

        write_whole(self.path, write)

    def restore(self, engine: Engine) -> None:
        """Put `engine`, the trainer, and all that is stateful back to the end of the last finished epoch.

            Raises:
        XX that is not one of ours, or of a run of another configuration.
        """
        content = self._read()
        begun, here = content["fingerprint"], self.fingerprint.take()
        differing = [
            f"{name} {json.dumps(begun.get(name))} and not {json.dumps(here.get(name))}"
            for name in sorted(begun.keys() | here.keys())
            if begun.get(name) != here.get(name)
        ]
        if differing:
            problem = f"this training was begun with {', '.join(differing)}"
            refuse(self.path, problem, "resume with what it was begun with, or train into another --ckpt_dir")
        Checkpoint.load_objects(to_load=dict(self.stateful), checkpoint=content["states"])
        engine.state.epoch, engine.state.iteration = content["epoch"], content["iteration"]
        for name, value in content["validator"].items():
            setattr(self.validator.state, name, value)
        logger.info("resumed after epoch %d", content["epoch"])

    def _read(self) -> dict[str, Any]:
        if not self.path.is_file():
            refuse(self.path, "there is no training to resume", "leave --resume out to begin one", FileNotFoundError)
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception:
            # torch raises UnpicklingError, RuntimeError, EOFError and others for the same thing: this is no such file
            refuse(self.path, "is damaged, so nothing was resumed", "train anew without --resume")
        if not isinstance(content, dict) or not set(content) >= CONTENT or set(content["states"]) != set(self.stateful):
            remedy = "go on with the version of the bundle that began this training, or train anew without --resume"
            refuse(self.path, "was not written by this version of the bundle", remedy)
        return content

    @idist.one_rank_only()
    def clear(self) -> None:
        """Delete what earlier trainings left."""
        for path in self._left():
            path.unlink()

    def _left(self) -> list[Path]:
        return [self.path.parent / name for name in LEFT_BY_A_RUN if (self.path.parent / name).exists()]

    @idist.one_rank_only()
    def set_aside(self) -> None:
        """Move what earlier trainings left into `previous/`, `previous_2/` and so on: nothing is written over."""
        left = self._left()
        if not left:
            return
        folders = (self.path.with_name(SET_ASIDE + (f"_{number}" if number > 1 else "")) for number in count(1))
        folder = next(folder for folder in folders if not folder.exists())
        move_into(folder, left)
        logger.info("%s: what an earlier training left there is now in %s/", self.path.parent, folder.name)


def run_training(trainer: Engine, state: TrainingState, patience: Patience, resume: bool, keep: bool = True) -> None:
    """Train, from the start or from where a run was stopped; a run that had reached its end is left as it is.

    Args:
        trainer: MONAI's.
        state: where it was.
        patience: what stops it early.
        resume: go on.
        keep: set aside what earlier trainings left; else, as in a server that trains at every new label, delete it.

    Raises:
        UserError: where there is nothing to resume, or it cannot be resumed.
    """
    if not resume:
        state.set_aside() if keep else state.clear()
    else:
        state.restore(trainer)
        if patience.spent or trainer.state.epoch >= trainer.state.max_epochs:
            why = "its patience is spent" if patience.spent else f"--epochs is {trainer.state.max_epochs}"
            logger.warning("nothing to do: training ended after epoch %d, %s", trainer.state.epoch, why)
            return
    trainer.run()
