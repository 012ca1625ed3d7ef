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
NO_SHARES = ("hausdorff_95", "betti0_error", "betti1_error")
"""Lengths and numbers of things, of which four digits are shown, and not four after the point."""
MAX_WIDTH = 100  # characters of a table; what does not fit goes into another one below it
LABELLED = "labelled voxels"


def write_score_csv(
    path: str | Path,
    metrics: Mapping[str, Any],
    labelled: Mapping[str, int] | None = None,
    about: Mapping[str, str] | None = None,
) -> None:
    """Write scores as CSV: a row a volume, then their mean; what is undefined is an empty cell.

    The numbers are those of `metrics.json`, to the last digit; the threshold is a column, and so is whatever else
    tells what they are of.

    Args:
        path: `X.csv` to write.
        metrics: as `scripts.report.run_evaluation` returns them.
        labelled: how many voxels of each volume are labelled, the column `labelled_voxels`.
        about: further columns by name, the same in each row: the weights, the region.

    Raises:
        UserError: if it cannot be written.
    """
    scores = [*metrics["mean"]]
    same = {"threshold": metrics["threshold"], **(about or {})}
    voxels = [LABELLED.replace(" ", "_")] if labelled is not None else []

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["volume", *scores, *voxels, *same])
            for name, row in (*metrics["cases"].items(), (MEAN, metrics["mean"])):
                counted = [labelled.get(name)] if labelled is not None else []
                table.writerow([name, *(row[score] for score in scores), *counted, *same.values()])

    write_whole(Path(path), write)


def score_table(metrics: Mapping[str, Any], labelled: Mapping[str, int] | None = None) -> str:
    """Return scores as text: a row a volume, then their mean, with four digits.

    With several vessel classes, the rows of a volume's classes stand below it. Columns that would make lines longer
    than `MAX_WIDTH` are a further table below.

    Args:
        metrics: as `scripts.report.run_evaluation` returns them.
        labelled: how many voxels of each volume are labelled, the last column.

    Returns:
        Lines of equal width in each table, columns of numbers aligned; what is undefined is `-`.
    """
    names = [name for name in metrics["mean"] if "." not in name]
    tables = [""]
    first: list[str] = []  # of the columns in the last table
    for name in names:
        table = _table(metrics, [*first, name], labelled if name == names[-1] else None)
        if first and len(table.partition("\n")[0]) > MAX_WIDTH:
            tables.append("")
            first = []
            table = _table(metrics, [name], labelled if name == names[-1] else None)
        first.append(name)
        tables[-1] = table
    return "\n\n".join(tables)


def _table(metrics: Mapping[str, Any], names: Sequence[str], labelled: Mapping[str, int] | None) -> str:
    """Return one table, of some of the metrics; arguments are those of `score_table`."""
    head = [list(words) for words in zip_longest(*(name.split("_") for name in names), fillvalue="")]
    volumes = [_rows(name, scores, names) for name, scores in metrics["cases"].items()]
    mean = _rows(MEAN, metrics["mean"], names)
    rows = [["", *words] for words in head] + [row for rows in (*volumes, mean) for row in rows]
    if labelled is not None:
        words = LABELLED.split() if len(head) > 1 else [LABELLED]
        column = words + [""] * (len(head) - len(words))
        for name, of_volume in zip(metrics["cases"], volumes, strict=True):
            column += [str(labelled[name])] + [""] * (len(of_volume) - 1)
        rows = [[*row, cell] for row, cell in zip_longest(rows, column, fillvalue="")]
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
        cells = [_cell(metric, scores.get(f"{metric}.{each}" if each else metric)) for metric in metrics]
        rows.append([f"  {each}" if each else name, *cells])
    return rows


def _cell(metric: str, value: float | None) -> str:
    if value is None:
        return UNDEFINED
    if metric in NO_SHARES:
        return f"{value:.4g}" if value < 10**4 else f"{value:.0f}"
    return f"{value:.4f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers = row
    cells = [f"{cell:>{width}}" for cell, width in zip(numbers, widths[1:], strict=True)]
    return "  ".join([f"{first:{widths[0]}}", *cells])
