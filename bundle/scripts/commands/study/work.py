"""Do the trials of a study that wait, one after another, and keep its record."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from scripts.core import WEIGHTS, UserError, box_text, counted, processor, read_json, version, write_text
from scripts.core import about as about_time
from scripts.data import find_labelled
from scripts.report.study import write_study
from scripts.study import NOT_LABELLED, SELECTS_BY, Storage, Trial, best_by_validation, folder_of, record_of

from .process import EPOCHS, PrunedError, Row, evaluate, rows_of, segment, train

if TYPE_CHECKING:
    import optuna

logger = logging.getLogger(__name__)

HELD_OUT = "held_out_score"
"""The study's attribute for what a search's best trial scored on the part that had no say in it."""


@dataclass(frozen=True)
class Work:
    """A study that is being worked on.

    Attributes:
        name: of the study.
        description: see `scripts.study.read_description`.
        plan: all trials.
        storage: where they are taken from.
        output_dir: the folder of the results.
        options: of every training.
        about: what else the record tells.
        theme: of the pictures.
    """

    name: str
    description: Mapping[str, Any]
    plan: Sequence[Trial]
    storage: Storage
    output_dir: Path
    options: Mapping[str, Any]
    about: Mapping[str, Any]
    theme: str

    def do_all(self) -> list[str]:
        """Do trials until none waits; return the problems of those that failed."""
        problems: list[str] = []
        while True:
            for number in self.storage.requeue_killed():
                logger.info("trial %d of %d was stopped, and is gone on with", number + 1, len(self.plan))
            with self.storage.next_trial(self.plan) as taken:
                if taken is None:
                    break
                logger.info("%s begins", self._words(taken[0]))
                self.write_record()
                if problem := self._do(*taken):
                    problems.append(problem)
            self.write_record()
        self._score_best()
        self.write_record()
        return problems

    def runs_elsewhere(self) -> bool:
        """Return whether another process is at a trial."""
        return any(trial.state == self.storage.states.RUNNING for trial in self.storage.latest().values())

    def write_record(self) -> Path:
        """Write the record, the table, the pictures and the page, as far as the study is."""
        path = self.output_dir / f"{self.name}.json"
        with FileLock(self.output_dir / f".{self.name}_record.lock"):  # the later of two has the later state
            known = self.storage.latest()
            more = {"importances": None}
            if self.description["design"] == "search":
                more["importances"] = self.storage.importances(self.description["factors"])
            record = record_of(self.name, self.description, self.plan, known, **self.about, **more)
            if kept := self.storage.study.user_attrs.get(HELD_OUT):
                record["trials"][kept["number"]] |= {key: kept[key] for key in ("scores", "curves", "score_seconds")}
            write_text(path, json.dumps(record, indent=1) + "\n")
            write_study(path, self.theme)
        return path

    def _do(self, number: int, running: optuna.trial.Trial) -> str | None:
        """Do one trial; return why it failed, if it did."""
        trial, begun = self.plan[number], time.monotonic()
        states = self.storage.states
        state, value, problem = states.COMPLETE, 0.0, None
        try:
            found = self._train(number, running)
            if self.description["design"] != "search":
                found |= self._score(number, trial)
            for name, each in found.items():
                running.set_user_attr(name, each)
            value = found["validation"] or 0.0
        except PrunedError:
            state = states.PRUNED
        except Exception as error:  # whatever it is, the other trials are done
            logger.debug("a trial failed", exc_info=True)
            problem = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            state = states.FAIL
            running.set_user_attr("problem", problem)
            logger.warning("%s", problem)
        running.set_user_attr("total_seconds", round(time.monotonic() - begun, 1))
        self.storage.study.tell(running, value if state == states.COMPLETE else None, state)
        logger.info("%s: %s", self._words(number), self._result(number))
        return problem

    def _train(self, number: int, running: optuna.trial.Trial) -> dict[str, Any]:
        """Train, unless the shipped weights are scored; return what is known of the training."""
        trial, folder = self.plan[number], self.output_dir / folder_of(self.name, number)
        if trial.trains is None:
            return {"validation": None}

        def keep_going(row: Row) -> bool:
            if SELECTS_BY in row:
                running.report(row[SELECTS_BY], int(row["epoch"]))
            return row["epoch"] >= self.options["epochs"] or not running.should_prune()  # at the end nothing is spared

        _, command = train(folder, trial, self.options, keep_going)
        rows = rows_of(folder / "weights" / EPOCHS)
        seconds, steps = sum(row["seconds"] for row in rows), int(rows[-1]["iteration"])
        validation = max((row[SELECTS_BY] for row in rows if SELECTS_BY in row), default=None)
        return {
            "steps": steps,
            "train_seconds": round(seconds, 2),
            "step_seconds": round(seconds / steps, 4),
            "validation": validation,
            "command": command,
        }

    def _score(self, number: int, trial: Trial) -> dict[str, Any]:
        """Score a trial on what is held out; return scores and where the curves are."""
        folder = self.output_dir / folder_of(self.name, number)
        weights = WEIGHTS if trial.trains is None else folder / "weights" / "model_best.pt"
        begun = time.monotonic()
        command = evaluate(folder / "scored", trial.scored, weights, self.description["metrics"], self.options)
        found: dict[str, Any] = {
            "score_seconds": round(time.monotonic() - begun, 2),
            "scores": read_json(folder / "scored" / "metrics.json", "score again")["cases"],
            "curves": (folder_of(self.name, number) / "scored" / "curves.json").as_posix(),
        }
        if trial.trains is None:
            found["command"] = command
        if self.description["example"] and trial.seed == self.plan[0].seed:
            segment(folder / "example", self.about["example"]["image"], weights, self.options)
            (written,) = (folder / "example").glob("*_prob.*")
            found["example"] = written.relative_to(self.output_dir).as_posix()
        return found

    def _score_best(self) -> None:
        """Score the trial of a search that validated best, once all of it is done."""
        known = self.storage.latest()
        open_ = [trial for trial in known.values() if trial.state.name in ("WAITING", "RUNNING")]
        best = best_by_validation(self.plan, known)
        if self.description["design"] != "search" or open_ or best is None:
            return
        with FileLock(self.output_dir / f".{self.name}_best.lock"):
            if (self.storage.study.user_attrs.get(HELD_OUT) or {}).get("number") != best:
                found = {"number": best, **self._score(best, self.plan[best])}
                self.storage.study.set_user_attr(HELD_OUT, found)

    def _words(self, number: int) -> str:
        trial = self.plan[number]
        return f"trial {number + 1} of {len(self.plan)} ({trial.variant}, seed {trial.seed})"

    def _result(self, number: int) -> str:
        """Say how a trial ended, and how long the rest may take."""
        known = self.storage.latest()
        found = known[number]
        metric = self.description["metric"]
        if found.state.name == "COMPLETE":
            scores = [
                case[metric] for case in found.user_attrs.get("scores", {}).values() if case.get(metric) is not None
            ]
            told = f"{metric} {sum(scores) / len(scores):.3f}" if scores else f"{SELECTS_BY} {found.value:.3f}"
        else:
            told = {"FAIL": "failed", "PRUNED": "stopped, others validated better"}[found.state.name]
        seconds = [trial.user_attrs["total_seconds"] for trial in known.values() if "total_seconds" in trial.user_attrs]
        states = [trial.state.name for trial in known.values()]
        left, workers = states.count("WAITING"), states.count("RUNNING") + 1
        rest = sum(seconds) / len(seconds) * left / workers
        return f"{told}; {counted(left, 'trial')} left, {about_time(rest)}" if left else told


def software() -> str:
    """Return the versions that figures depend on."""
    return f"tubenet {version()}, torch {version_of('torch')}, monai {version_of('monai')}"


def machine(device: str) -> str:
    """Return what computes, in words."""
    import torch

    return f"{processor()}, {counted(torch.get_num_threads(), 'thread')}, {device}"


def example_of(scored: Path) -> dict[str, str]:
    """Return the volume of a dataset of parts that is drawn for every variant, and its part."""
    item = find_labelled(scored, unlabelled_value=NOT_LABELLED)[0]
    box = box_text(item["scan"].labelled)
    return {"volume": item["name"], "image": str(item["image"]), "label": str(item["label"]), "box": box}
