"""What is known of a study so far: its page, table and pictures are made of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .description import SELECTS_BY
from .storage import PROBLEM
from .trial import Trial

if TYPE_CHECKING:
    import optuna

STATES = {"COMPLETE": "complete", "RUNNING": "running", "WAITING": "waiting", "FAIL": "failed", "PRUNED": "pruned"}
ABOUT_STUDY = ("design", "title", "question", "factors", "paper", "metric", "metrics", "pictures", "epochs")
OF_TRIAL = ("steps", "train_seconds", "score_seconds", "step_seconds", "validation", "curves", "example", "command")


def record_of(
    name: str,
    description: Mapping[str, Any],
    plan: Sequence[Trial],
    known: Mapping[int, optuna.trial.FrozenTrial],
    **about: Any,
) -> dict[str, Any]:
    """Return what is known of a study.

    Args:
        name: of the study.
        description: see `read_description`.
        plan: its trials.
        known: what Optuna knows of each, by number (`Storage.latest`).
        about: what else is to stand in it.

    Returns:
        JSON values; what is undefined is None, and paths are relative to the folder of the record.
    """
    trials = [_trial(name, number, trial, known.get(number)) for number, trial in enumerate(plan)]
    return {
        "study": name,
        **{key: description[key] for key in ABOUT_STUDY},
        "selects_by": SELECTS_BY,
        **about,
        "spent_minutes": round(sum(trial["total_seconds"] or 0 for trial in trials) / 60, 1),
        "trials": trials,
    }


def folder_of(name: str, number: int) -> Path:
    """Return the folder of a trial, relative to that of the study's results."""
    return Path(f"{name}_trials", f"{number:03d}")


def best_by_validation(plan: Sequence[Trial], known: Mapping[int, optuna.trial.FrozenTrial]) -> int | None:
    """Return the number of the complete trial that validated best; the held-out part has no say."""
    scores = {
        number: found.user_attrs.get("validation")
        for number, found in known.items()
        if found.state.name == "COMPLETE" and number < len(plan)
    }
    scores = {number: score for number, score in scores.items() if score is not None}
    return max(scores, key=lambda number: (scores[number], -number)) if scores else None


def _trial(name: str, number: int, trial: Trial, found: optuna.trial.FrozenTrial | None) -> dict[str, Any]:
    attributes = dict(found.user_attrs) if found else {}
    folder = folder_of(name, number)
    return {
        "number": number,
        "variant": trial.variant,
        "seed": trial.seed,
        "params": dict(trial.params),
        "state": STATES[found.state.name] if found else "waiting",
        "problem": attributes.get(PROBLEM),
        "folder": folder.as_posix(),
        "epochs_table": (folder / "weights" / "epochs.csv").as_posix() if trial.trains is not None else None,
        "scores": attributes.get("scores", {}),
        "total_seconds": attributes.get("total_seconds"),
        "about": {key: value for key, value in trial.about.items() if key != "held_out"},  # which the study tells
        **{key: attributes.get(key) for key in OF_TRIAL},
    }
