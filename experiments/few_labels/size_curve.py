"""A picture of AP and Dice by the side of the block that trained, a line a volume."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from experiments.learning_curve import panels

from .plan import BLOCK, Cut
from .tables import COLUMNS, ZERO_SHOT, Scores, sides_of
from .trial import FINE_TUNED, FROM_SCRATCH

SHOWN = ("average_precision", "dice")
ROOM = 0.05  # below the lowest and above the highest score
LINE_STYLES = ("-", "--", ":")


def write_size_curve(path: Path, scores: Scores, cuts: Mapping[str, Cut]) -> None:
    """Write a panel a score; bars are the standard deviation of the seeds, open circles are from scratch.

    Args:
        path: the PNG.
        scores: of all.
        cuts: the cut `BLOCK` of each volume that has one, at least one.
    """
    sides = sides_of(cuts)
    places = {str(side): place + 1 for place, side in enumerate(sides)}
    with panels(path, [COLUMNS[score] for score in SHOWN], "side of the labelled block, voxels") as (all_axes, theme):
        for axes, score in zip(all_axes, SHOWN, strict=True):
            for number, (volume, cut) in enumerate(cuts.items()):
                colour = theme.lines[number % len(theme.lines)]
                points = {0: scores.of(score, BLOCK, ZERO_SHOT, volume)}
                for side in cut.trains:
                    points[places[side]] = scores.of(score, BLOCK, FINE_TUNED, volume, side)
                there = sorted(place for place, values in points.items() if values)
                axes.errorbar(
                    there,
                    [np.mean(points[place]) for place in there],
                    [np.std(points[place], ddof=1) if len(points[place]) > 1 else 0 for place in there],
                    label=volume,
                    color=colour,
                    linestyle=LINE_STYLES[number // len(theme.lines) % len(LINE_STYLES)],
                    marker="o",
                    markersize=4,
                    linewidth=1.5,
                    capsize=3,
                )
                if scratch := scores.of(score, BLOCK, FROM_SCRATCH, volume, cut.main):
                    look = {"markersize": 7, "fillstyle": "none", "color": colour, "clip_on": False}
                    axes.plot([places[cut.main]], [np.mean(scratch)], "o", **look)
            # for the legend
            axes.plot([], [], "o", markersize=7, fillstyle="none", color=theme.dim, label=FROM_SCRATCH)
            axes.set_xticks(range(len(sides) + 1), ["zero-shot", *map(str, sides)])
            low, high = axes.get_ylim()
            axes.set_ylim(max(0, low - ROOM), min(1, high + ROOM))
