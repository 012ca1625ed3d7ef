"""The scores of an evaluation as a table: to be read in a terminal, and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from scripts.core import write_whole

MEAN = "mean"
UNDEFINED = "-"


def write_score_csv(path: str | Path, metrics: Mapping[str, Any]) -> None:
    """Write scores as CSV: a row a volume, then their mean; what is undefined is an empty cell.

    The numbers are those of `metrics.json`, to the last digit; the threshold is a column.

    Args:
        path: `X.csv` to write.
        metrics: as `scripts.report.run_evaluation` returns them.

    Raises:
        UserError: if it cannot be written.
    """
    columns = ["volume", *metrics["mean"], "threshold"]

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(columns)
            for name, scores in (*metrics["cases"].items(), (MEAN, metrics["mean"])):
                table.writerow([name, *(scores[column] for column in columns[1:-1]), metrics["threshold"]])

    write_whole(Path(path), write)


def score_table(metrics: Mapping[str, Any]) -> str:
    """Return scores as text: a row a volume, then their mean, with four digits.

    With several vessel classes, the rows of a volume's classes stand below it.

    Args:
        metrics: as `scripts.report.run_evaluation` returns them.

    Returns:
        Lines of equal width, columns of numbers aligned; what is undefined is `-`.
    """
    names = [name for name in metrics["mean"] if "." not in name]
    head = [list(words) for words in zip_longest(*(name.split("_") for name in names), fillvalue="")]
    volumes = [_rows(name, scores, names) for name, scores in metrics["cases"].items()]
    mean = _rows(MEAN, metrics["mean"], names)
    rows = [["", *words] for words in head] + [row for rows in (*volumes, mean) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    rule = "-" * len(lines[0])
    lines.insert(len(head), rule)
    lines.insert(len(lines) - len(mean), rule)
    return "\n".join(lines)


def _rows(name: str, scores: Mapping[str, float | None], metrics: Sequence[str]) -> list[list[str]]:
    """Return the row of a volume, and one for each of its classes if there are several."""
    classes = list(dict.fromkeys(score.partition(".")[2] for score in scores))  # "" is their mean
    rows = []
    for each in classes:
        cells = [_cell(scores.get(f"{metric}.{each}" if each else metric)) for metric in metrics]
        rows.append([f"  {each}" if each else name, *cells])
    return rows


def _cell(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.4f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers = row
    cells = [f"{cell:>{width}}" for cell, width in zip(numbers, widths[1:], strict=True)]
    return "  ".join([f"{first:{widths[0]}}", *cells])
