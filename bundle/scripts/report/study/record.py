"""The record of a study: what it varies, how it was run, and what came out of each trial."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from scripts.core import read_json, refuse

DESIGNS = ("compare", "search", "block_size", "variety", "transfer")
COMPLETE, RUNNING, WAITING, FAILED, PRUNED = STATES = ("complete", "running", "waiting", "failed", "pruned")
REMEDY = "give the NAME.json that tubenet study wrote"
OUR_NAMES = ("name", "folder")  # of a `Study`, which no record states

Read = TypeVar("Read", "Trial", "Study")


@dataclass(frozen=True)
class Trial:
    """One training of a study and what it scored, or weights that were scored as they are.

    Attributes:
        number: of the trial, from 0.
        variant: what is compared, as tables name it.
        seed: of the training.
        params: levels of the factors.
        state: complete, running, waiting, failed or pruned.
        problem: why it failed.
        epochs_table: path of `epochs.csv`.
        steps: of training; 0 or None for weights that are scored as they are.
        train_seconds: that training took.
        score_seconds: that scoring took.
        step_seconds: of one step.
        validation: the score that validation selects by.
        scores: by scored volume and metric; empty if it was not scored on what was held out.
        curves: path of `curves.json`.
        example: path of the probabilities of the study's example.
        about: further columns of the table, which depend on the design.
        command: that repeats the training.
    """

    number: int
    variant: str
    seed: int
    state: str
    params: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None
    epochs_table: str | None = None
    steps: int | None = None
    train_seconds: float | None = None
    score_seconds: float | None = None
    step_seconds: float | None = None
    validation: float | None = None
    scores: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    curves: str | None = None
    example: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    command: str | None = None

    @property
    def complete(self) -> bool:
        """Whether the trial ran to its end."""
        return self.state == COMPLETE

    @property
    def trained(self) -> bool:
        """Whether it is a training, which a seed can change."""
        return bool(self.steps)


@dataclass(frozen=True)
class Study:
    """A study as its record states it; the attributes are those of the record.

    Attributes:
        name: of the files that are written, that of the record.
        folder: of the record, to which its paths are relative.
        metric: by which variants are compared, on what was held out.
        selects_by: by which validation selects weights, and a search its best trial.
        pictures: which are drawn, the main one first.
    """

    name: str
    folder: Path
    design: str
    metric: str
    trials: Sequence[Trial]
    study: str = ""
    title: str = ""
    question: str = ""
    factors: Sequence[str] = ()
    paper: Mapping[str, Any] = field(default_factory=dict)
    metrics: Sequence[str] = ()
    selects_by: str = ""
    pictures: Sequence[str] = ()
    budget_minutes: float | None = None
    spent_minutes: float | None = None
    seeds: Sequence[int] = ()
    epochs: int | None = None
    iterations_per_epoch: int | None = None
    batch_size: int | None = None
    dataset: str = ""
    held_out: str = ""
    software: str = ""
    machine: str = ""
    importances: Mapping[str, float] = field(default_factory=dict)
    inclusion: str | None = None
    example: Mapping[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> list[Trial]:
        """The trials that ran to their end."""
        return [trial for trial in self.trials if trial.complete]

    @property
    def unfinished(self) -> bool:
        """Whether trials are still to come."""
        return any(trial.state in (RUNNING, WAITING) for trial in self.trials)

    @property
    def variants(self) -> list[str]:
        """What is compared, in the order of the trials."""
        return list(dict.fromkeys(trial.variant for trial in self.trials))

    @property
    def kind_of(self) -> dict[str, str]:
        """The kind of image of each volume, where the study is about kinds."""
        return {name: kind for trial in self.trials for name, kind in (trial.about.get("kind_of") or {}).items()}

    def of(self, variant: str) -> list[Trial]:
        """Return the complete trials of a variant."""
        return [trial for trial in self.done if trial.variant == variant]

    def path(self, text: str | None) -> Path | None:
        """Return a file that the record names, or None if it is not there."""
        path = self.folder / text if text else None
        return path if path is not None and path.is_file() else None


def read_record(path: str | Path) -> Study:
    """Read the record of a study.

    Raises:
        UserError: for a file that is missing or no such record.
    """
    path = Path(path)
    content = read_json(path, REMEDY)
    try:
        content = {name: value for name, value in content.items() if value is not None}
        trials = [_read(Trial, {**trial, "scores": _scores(trial)}) for trial in content["trials"]]
        study = _read(Study, {**content, "name": path.stem, "folder": path.parent, "trials": trials})
        for trial in trials:
            known = isinstance(trial.number, int) and isinstance(trial.variant, str) and trial.state in STATES
            _need(known, path, f"trial {trial.number!r} has no variant, or a state that there is not")
    except (KeyError, TypeError, AttributeError) as error:
        _refuse(path, f"{type(error).__name__}: {error}")
    _need(study.design in DESIGNS, path, f"there is no design {study.design!r}")
    figures = study.paper.get("figures") or {}
    _need(all(_number(value) is not None for value in figures.values()), path, "a figure of the paper is no number")
    return study


def _scores(trial: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return the scores of a trial by volume and metric, without those of single classes."""
    return {
        str(volume): {metric: _number(value) for metric, value in scores.items() if "." not in metric}
        for volume, scores in (trial.get("scores") or {}).items()
    }


def _number(value: object) -> float | None:
    """Return a finite number, or None for anything else."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None  # type: ignore[arg-type]


NUMBERS = ("steps", "train_seconds", "score_seconds", "step_seconds", "validation", "budget_minutes", "spent_minutes")


def _read(kind: type[Read], content: Mapping[str, Any]) -> Read:
    """Return what a record holds as an object; what it does not state is as by default."""
    known = {each.name: each for each in fields(kind)}
    needed = [name for name, each in known.items() if each.default is MISSING and each.default_factory is MISSING]
    if missing := [name for name in needed if content.get(name) is None]:
        raise KeyError(missing[0])
    values = {name: value for name, value in content.items() if name in known and value is not None}
    for name in NUMBERS:
        if name in values:
            values[name] = _number(values[name])
    if values.get("steps") is not None:
        values["steps"] = round(values["steps"])
    for name, each in known.items():
        if each.default_factory is dict and not isinstance(values.get(name, {}), dict):
            raise TypeError(f"{name} is no table of names and values")
    return kind(**values)


def _need(holds: bool, path: Path, problem: str) -> None:
    if not holds:
        _refuse(path, problem)


def _refuse(path: Path, problem: str) -> NoReturn:
    refuse(path, f"is no record of a study ({problem})", REMEDY)
