"""Rows of scores in a CSV file, none of which is worked out twice, and tables of their means over kinds."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.kinds import SYNTHETIC, by_kind, over_kinds
from scripts.core import write_text

ABOUT = ("weights", "sha256", "volume", "kind", "state", "settings", "threshold", "stated_threshold")
NAMED = ("weights", "volume", "state", "trains", "seed")
"""What a row is called by."""
SCORES = ("average_precision", "auroc", "best_dice", "dice", "cldice", "dice_stated", "cldice_stated", "seconds")
TITLES = {
    "average_precision": "AP",
    "auroc": "AUROC",
    "best_dice": "best Dice",
    "dice": "Dice",
    "cldice": "clDice",
    "dice_stated": "Dice at {0:g}",
    "cldice_stated": "clDice at {0:g}",
}
HASH_DIGITS = 12
Row = dict[str, Any]


class Table:
    """Rows of a CSV file, which is written anew whenever one is added.

    A row is known by all that it is about, but for its kind; weights that have a hash are known by that and not by
    their name.

    Args:
        path: the file.
        about: columns that say what a row is about.
        scores: columns of numbers.
        shown: those that are told when a row is added, with what they are called.
    """

    def __init__(
        self,
        path: Path,
        about: Sequence[str] = ABOUT,
        scores: Sequence[str] = SCORES,
        shown: Mapping[str, str] | None = None,
    ) -> None:
        self.path, self.about, self.scores = path, about, scores
        self.shown = {"average_precision": "AP", "best_dice": "best Dice"} if shown is None else shown
        self.rows: list[Row] = []
        if path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                self.rows = [self._typed(row) for row in csv.DictReader(file)]

    def find(self, about: Row) -> Row | None:
        """Return the row that is about this, if there is one."""
        about = self._typed({name: about.get(name, "") for name in self.about})
        known = [
            name for name in self.about if name != "kind" and not (name == "weights" and about.get("sha256", "") != "")
        ]
        return next((each for each in self.rows if all(each[name] == about[name] for name in known)), None)

    def having(self, wanted: Sequence[tuple[Row, Callable[[Row], Mapping[str, float]]]]) -> Iterator[Row]:
        """Yield the rows that are wanted; one that is missing is worked out, and written."""
        for about, work in wanted:
            about = self._typed({name: about.get(name, "") for name in self.about})
            row = self.find(about)
            if row is None:
                row = about | dict.fromkeys(self.scores, float("nan")) | dict(work(about))
                self.rows.append(row)
                self._write()
                named = [about[name] for name in self.about if name in NAMED and about[name] != ""]
                told = [f"{title} {row[name]:.3f}" for name, title in self.shown.items()]
                print(f"{', '.join(named)}: {', '.join(told)}", file=sys.stderr, flush=True)
            yield row | {name: about[name] for name in ("kind", "weights") if name in self.about}

    def _write(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, (*self.about, *self.scores), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self.path, text.getvalue())

    def _typed(self, row: Mapping[str, Any]) -> Row:
        """Return a row whose numbers are numbers, as a CSV file gives them back."""
        numbers = ("threshold", "stated_threshold", *self.scores)
        return {name: float(value) if name in numbers and value != "" else value for name, value in row.items()}


def grouped(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, Row]]:
    """Return the rows of each weights and state, by volume."""
    found: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        found.setdefault((row["weights"], row["state"]), {})[row["volume"]] = row
    return found


def means_of(volumes: Mapping[str, Row], name: str) -> dict[str, float]:
    """Return the mean of a score over each kind."""
    return by_kind(volumes, name, {volume: row["kind"] for volume, row in volumes.items()})


def tables(rows: Sequence[Row], threshold: float) -> str:
    """Return the means over kinds, each kind's, and each volume's, a row for weights and state, in Markdown."""
    groups = grouped(rows)
    kinds = sorted({row["kind"] for row in rows}, key=lambda kind: (kind == SYNTHETIC, kind))
    titles = [title.format(threshold) for title in TITLES.values()]
    heads = ["mean over kinds", "", *titles, *(f"{kind}: AP / best Dice / Dice" for kind in kinds)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    names = sorted({row["volume"] for row in rows}, key=lambda name: (name.startswith(SYNTHETIC), name))
    each = [f"| AP / best Dice / Dice / clDice | | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    of_kind, of_volume = (
        ("average_precision", "best_dice", "dice"),
        ("average_precision", "best_dice", "dice", "cldice"),
    )
    for (weights, state), volumes in groups.items():
        means = {name: means_of(volumes, name) for name in TITLES}
        cells = [_cell(over_kinds(means[name])) for name in TITLES]
        cells += [" / ".join(_cell(means[name].get(kind)) for name in of_kind) for kind in kinds]
        lines.append(f"| {weights} | {state} | {' | '.join(cells)} |")
        cells = [" / ".join(_cell(volumes.get(name, {}).get(score)) for score in of_volume) for name in names]
        each.append(f"| {weights} | {state} | {' | '.join(cells)} |")
    return "\n".join((*lines, "", *each))


def _cell(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:.3f}"
