"""The picture and the table of what each way of choosing blocks is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.learning_curve import panels
from scripts.core import counted, write_text

from .choose import WAYS

SCORE = "best_dice"
AGAINST = "suggested"


def write_page(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write `suggest.md`, a table of the best Dice by volume and way, and `suggest.png`, its curves.

    Args:
        folder: to write into.
        rows: one a volume, way, seed and round.
    """
    volumes = list(dict.fromkeys(row["volume"] for row in rows))
    rounds = range(1, max(row["round"] for row in rows) + 1)
    lines = ["| volume | way | " + " | ".join(counted(number, "block") for number in rounds) + " | seeds |"]
    lines.append("|---" * (len(rounds) + 3) + "|")
    for volume in volumes:
        for way in WAYS:
            scores = [_scores(rows, volume, way, number) for number in rounds]
            if any(scores):
                cells = [_cell(list(each.values())) for each in scores]
                lines.append(f"| {volume} | {way} | {' | '.join(cells)} | {max(map(len, scores))} |")
    lines += ["", *(_difference(rows, volumes, way) for way in WAYS if way != AGAINST)]
    write_text(folder / "suggest.md", "\n".join(lines) + "\n")
    with panels(folder / "suggest.png", volumes, "blocks that are labelled") as (all_axes, theme):
        for axes, volume in zip(all_axes, volumes, strict=True):
            for colour, way in zip(theme.lines, WAYS, strict=False):
                points = {number: list(_scores(rows, volume, way, number).values()) for number in rounds}
                there = [number for number, values in points.items() if values]
                means = [np.mean(points[number]) for number in there]
                spread = [np.std(points[number], ddof=1) if len(points[number]) > 1 else 0 for number in there]
                axes.errorbar(there, means, spread, label=way, color=colour, marker="o", markersize=4, capsize=3)
            axes.set_xticks(list(rounds))


def _scores(rows: Sequence[Mapping[str, Any]], volume: str, way: str, number: int) -> dict[int, float]:
    """Return the score of each seed."""
    wanted = {"volume": volume, "way": way, "round": number}
    return {row["seed"]: row[SCORE] or 0.0 for row in rows if row.items() >= wanted.items()}


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else "")


def _difference(rows: Sequence[Mapping[str, Any]], volumes: Sequence[str], way: str) -> str:
    """Return the mean over rounds of what is suggested less that of another way, paired by seed, in words."""
    told = []
    for volume in volumes:
        of = {each: _by_seed(rows, volume, each) for each in (AGAINST, way)}
        pairs = [of[AGAINST][seed] - of[way][seed] for seed in of[AGAINST].keys() & of[way].keys()]
        if pairs:
            told.append(f"{volume} {np.mean(pairs):+.3f} ({sum(each > 0 for each in pairs)} of {len(pairs)} seeds)")
    return f"Suggested less {way}, mean over rounds: {', '.join(told) or 'not known yet'}."


def _by_seed(rows: Sequence[Mapping[str, Any]], volume: str, way: str) -> dict[int, float]:
    wanted = {"volume": volume, "way": way}
    found: dict[int, list[float]] = {}
    for row in rows:
        if row.items() >= wanted.items():
            found.setdefault(row["seed"], []).append(row[SCORE] or 0.0)
    return {seed: float(np.mean(values)) for seed, values in found.items()}
