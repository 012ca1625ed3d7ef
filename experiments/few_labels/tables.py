"""The tables of `make results` in Markdown: a score of several seeds as mean ± standard deviation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from experiments.baselines import BASELINES
from experiments.kinds import by_kind, mean, over_kinds
from experiments.score_rows import Row

from .plan import BLOCK, WHOLE, Cut
from .trial import FINE_TUNED, FROM_SCRATCH

ZERO_SHOT, ORACLE = "zero-shot", "best global threshold"
METHODS = (*BASELINES, ORACLE, ZERO_SHOT, FINE_TUNED, FROM_SCRATCH)
COLUMNS = {"dice": "Dice", "cldice": "clDice", "auroc": "AUROC", "average_precision": "AP", "seconds": "seconds"}
OF_KINDS = "mean over kinds"
NOTHING = "–"


class Scores:
    """The rows of scores, and what the tables take from them.

    Args:
        rows: of `experiments.score_rows.Table`, several seeds of a training each a row.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.kinds = {row["volume"]: row["kind"] for row in rows}

    def of(self, score: str, cut: str, method: str, volume: str, side: str = "") -> list[float]:
        """Return a score of each seed that is defined; of what is not trained it is one or none."""
        found = [
            row[score]
            for row in self.rows
            if (row["state"], row["weights"], row["volume"], row["side"]) == (cut, method, volume, side)
        ]
        return [each for each in found if not np.isnan(each)]

    def over_kinds(self, values: Mapping[str, Sequence[float]]) -> float:
        """Return the mean over kinds of what volumes have, each the mean of its seeds."""
        means = {volume: {"": mean(each)} for volume, each in values.items()}
        return over_kinds(by_kind(means, "", self.kinds))


def with_spread(values: Sequence[float], digits: int = 3) -> str:
    """Return the mean of several seeds and their standard deviation (n - 1), or of one its score."""
    if not values:
        return NOTHING
    told = f"{np.mean(values):.{digits}f}"
    return told if len(values) < 2 else f"{told} ± {np.std(values, ddof=1):.{digits}f}"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    heads = list(heads)
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join((*lines, *(f"| {' | '.join(cells)} |" for cells in rows)))


def whole_table(scores: Scores, volumes: Sequence[str]) -> str:
    """Return a row a volume: all scores of the weights as they come, and Dice of what needs no network."""
    others = (*BASELINES, ORACLE)
    columns = {
        **{title: (name, ZERO_SHOT) for name, title in COLUMNS.items() if name != "seconds"},
        **{f"Dice: {other}": ("dice", other) for other in others},
    }
    return _of_volumes(scores, volumes, columns, lambda volume, score, method: scores.of(score, WHOLE, method, volume))


def block_tables(scores: Scores, cuts: Mapping[str, Cut]) -> str:
    """Return a table a score, a row a volume and a column a method, all on the same voxels.

    Args:
        scores: of all.
        cuts: the cut `BLOCK` of each volume that has one.
    """
    found = []
    for score, title in COLUMNS.items():

        def values(volume: str, score: str, method: str) -> list[float]:
            side = cuts[volume].main if method in (FINE_TUNED, FROM_SCRATCH) else ""
            return scores.of(score, BLOCK, method, volume, side)

        columns = {method: (score, method) for method in METHODS if any(values(each, score, method) for each in cuts)}
        if columns:
            found.append(_of_volumes(scores, list(cuts), columns, values, corner=title))
    return "\n\n".join(found)


def _of_volumes(
    scores: Scores,
    volumes: Sequence[str],
    columns: Mapping[str, tuple[str, str]],
    values: Callable[[str, str, str], list[float]],
    corner: str = "volume",
) -> str:
    """Return a row a volume and, of several kinds, one of their mean; a column is a score of a method."""
    rows = [
        [volume, *(with_spread(values(volume, *each), _digits(each[0])) for each in columns.values())]
        for volume in volumes
    ]
    if len({scores.kinds[volume] for volume in volumes}) > 1:
        means = [
            (score, scores.over_kinds({volume: values(volume, score, method) for volume in volumes}))
            for score, method in columns.values()
        ]
        rows.append(
            [OF_KINDS, *(with_spread([] if np.isnan(each) else [each], _digits(score)) for score, each in means)]
        )
    return table((corner, *columns), rows)


def method_table(scores: Scores, cuts: Mapping[str, Cut], methods: Sequence[str] = METHODS) -> str:
    """Return a row for each method on each volume, a column a score.

    Args:
        scores: of all.
        cuts: of one kind, `SLICES` or `SPLIT`, by volume.
        methods: what to show of all that there is.
    """
    rows = []
    for volume, cut in cuts.items():
        for method in methods:
            side = cut.main if method in (FINE_TUNED, FROM_SCRATCH) else ""
            found = {name: scores.of(name, cut.kind, method, volume, side) for name in COLUMNS}
            if any(found.values()):
                rows.append([volume, method, *(with_spread(each, _digits(name)) for name, each in found.items())])
    return table(("volume", "", *COLUMNS.values()), rows)


def size_table(scores: Scores, cuts: Mapping[str, Cut]) -> str:
    """Return AP / Dice of each volume by the side of the block, 0 before training."""
    sides = sides_of(cuts)
    rows = []
    for volume, cut in cuts.items():
        cells = []
        for side in (0, *sides):
            method, name = (FINE_TUNED, str(side)) if side else (ZERO_SHOT, "")
            both = [
                with_spread(scores.of(score, BLOCK, method, volume, name)) for score in ("average_precision", "dice")
            ]
            cells.append(" / ".join(both) if side == 0 or str(side) in cut.trains else NOTHING)
        rows.append([volume, *cells])
    return table(("AP / Dice", "zero-shot", *(f"{side} voxels" for side in sides)), rows)


def sides_of(cuts: Mapping[str, Cut]) -> list[int]:
    """Return the sides of all blocks, ascending."""
    return sorted({int(side) for cut in cuts.values() for side in cut.trains})


def about_table(cuts: Mapping[str, Cut]) -> str:
    """Return what each volume trains on and is scored on."""
    heads = list(next(iter(cuts.values())).about)
    return table(("volume", *heads), [[volume, *cut.about.values()] for volume, cut in cuts.items()])


def _digits(score: str) -> int:
    return 0 if score == "seconds" else 3
