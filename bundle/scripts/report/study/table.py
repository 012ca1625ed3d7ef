"""The trials of a study as CSV: a row for each trial and scored volume."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from scripts.core import write_whole

from .record import Study
from .summary import metrics_of

SECONDS = ("step_seconds", "train_seconds", "score_seconds")


def table_rows(study: Study) -> list[list[Any]]:
    """Return the heading and a row for each trial and scored volume.

    A trial that is not scored has one row, with no volume.
    """
    metrics = metrics_of(study)
    params = list(dict.fromkeys(name for trial in study.trials for name in trial.params if name != "seed"))
    taken = {"number", "variant", "seed", "volume", "kind", "steps", "state", *params, *metrics}
    said = {name for name in params if all(trial.about.get(name) == trial.params.get(name) for trial in study.trials)}
    about = [name for name in dict.fromkeys(name for trial in study.trials for name in trial.about)
             if name not in ("kind_of", *said)]  # fmt: skip
    columns = {name: f"about_{name}" if name in taken else name for name in about}
    kinds = ["kind"] if study.kind_of else []
    head = ["number", "variant", *params, "seed", "volume", *kinds, *columns.values(), "steps", *SECONDS]
    rows: list[list[Any]] = [[*head, "validation", *metrics, "state", "problem", "command"]]
    for trial in study.trials:
        for volume, scores in trial.scores.items() or [("", {})]:
            kind = [study.kind_of.get(volume)] if kinds else []
            cells = [trial.number, trial.variant, *map(trial.params.get, params), trial.seed, volume, *kind]
            cells += [*map(trial.about.get, columns), trial.steps, *(getattr(trial, name) for name in SECONDS)]
            cells += [trial.validation, *map(scores.get, metrics), trial.state, trial.problem, trial.command]
            rows.append([_cell(each) for each in cells])
    return rows


def write_table(path: Path, study: Study) -> None:
    """Write the trials of a study as CSV; what is undefined is an empty cell.

    Raises:
        UserError: if it cannot be written.
    """

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(table_rows(study))

    write_whole(path, write)


def _cell(value: object) -> object:
    """Return a value as a cell: several as words with semicolons, a table as JSON."""
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else value
