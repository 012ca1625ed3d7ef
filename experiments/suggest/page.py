"""The picture and the table of what each way of choosing blocks is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.learning_curve import panels
from scripts.core import counted, write_text

from .choose import WAYS

SCORE = "dice"
AGAINST = "suggested"


def write_page(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write `suggest.md`, a table of Dice by volume and way, and `suggest.png`, its curves.

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
            axes.set_ylabel("Dice")
            for at, (colour, way) in enumerate(zip(theme.lines, WAYS, strict=False)):
                points = {number: list(_scores(rows, volume, way, number).values()) for number in rounds}
                there = [number for number, values in points.items() if values]
                means = [np.mean(points[number]) for number in there]
                spread = [np.std(points[number], ddof=1) if len(points[number]) > 1 else 0 for number in there]
                beside = [number + (at - 1) / 15 for number in there]  # or the bars would hide each other
                axes.errorbar(beside, means, spread, label=way, color=colour, marker="o", markersize=4, capsize=3)
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
    """Say what is suggested gains over another way: the mean over rounds that both have, paired by seed."""
    told = []
    for volume in volumes:
        one, other = (_by_round(rows, volume, each) for each in (AGAINST, way))
        gains: dict[int, list[float]] = {}
        for seed, number in one.keys() & other.keys():
            gains.setdefault(seed, []).append(one[seed, number] - other[seed, number])
        pairs = [float(np.mean(each)) for each in gains.values()]
        if pairs:
            told.append(f"{volume} {np.mean(pairs):+.3f} ({sum(each > 0 for each in pairs)} of {len(pairs)} seeds)")
    return f"Suggested less {way}, mean over rounds: {', '.join(told) or 'not known yet'}."


def _by_round(rows: Sequence[Mapping[str, Any]], volume: str, way: str) -> dict[tuple[int, int], float]:
    """Return the score of each seed and round; nothing found is a Dice of 0."""
    wanted = {"volume": volume, "way": way}
    return {(row["seed"], row["round"]): row[SCORE] or 0.0 for row in rows if row.items() >= wanted.items()}
