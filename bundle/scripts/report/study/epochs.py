"""How validation went by epoch and by second of training, and how soon it reached a score."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from ..theme import Theme
from .drawing import Drawing, Entries, Panel, dress, style_of
from .record import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GOAL = 0.9
"""AUROC; the paper tells how many epochs its variants take to it (section 3.2)."""

SCORES = ("val_auroc", "val_dice")
ALONG = {"epochs": "epoch", "seconds": "seconds of training"}
NAMES = {"val_auroc": "AUROC", "val_dice": "Dice"}
POINTS = 100  # of a mean by second

Line = list[tuple[float, float]]


@dataclass(frozen=True)
class History:
    """What validation said after each epoch of a training.

    Attributes:
        epochs: from 1; each as the table numbers it.
        seconds: of training up to then.
        scores: of each epoch by name; None where it was not scored.
    """

    epochs: tuple[float, ...]
    seconds: tuple[float, ...]
    scores: Mapping[str, tuple[float | None, ...]]

    def points(self, score: str, along: str) -> list[tuple[float, float]]:
        """Return where a score was known and what it was, by `epochs` or by `seconds`."""
        return [(x, y) for x, y in zip(getattr(self, along), self.scores[score], strict=True) if y is not None]


@lru_cache(maxsize=512)
def _read(path: Path, modified: int) -> History:
    """Read a table of epochs; its time of change says whether it is still the same."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    seconds = accumulate(_number(row.get("seconds")) or 0.0 for row in rows)
    epochs = tuple(_number(row.get("epoch")) or 0.0 for row in rows)
    return History(epochs, tuple(seconds), {name: tuple(_number(row.get(name)) for row in rows) for name in SCORES})


def _number(text: str | None) -> float | None:
    """Return what a cell holds; None for one that is empty or no number."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def histories(study: Study, variant: str) -> dict[int, History]:
    """Return what validation said in each training of a variant, by number of the trial."""
    found = {}
    for trial in study.trials:
        path = study.path(trial.epochs_table)
        if trial.variant == variant and path is not None:
            history = _read(path, path.stat().st_mtime_ns)
            if history.epochs:
                found[trial.number] = history
    return found


def goal_of(history: History, goal: float = GOAL) -> tuple[float, float] | None:
    """Return after how many epochs and seconds the AUROC first reached a goal."""
    for epoch, seconds, score in zip(history.epochs, history.seconds, history.scores["val_auroc"], strict=True):
        if score is not None and score >= goal:
            return epoch, seconds
    return None


def reached(study: Study, variant: str) -> str:
    """Return how many epochs and seconds a variant takes to the goal, and how many seeds do."""
    found = [goal_of(history) for history in histories(study, variant).values()]
    there = [each for each in found if each is not None]
    if not there:
        return "not reached" if found else "–"
    epochs, seconds = (fmean(each) for each in zip(*there, strict=True))
    of = "" if len(there) == len(found) else f", {len(there)} of {len(found)} seeds"
    return f"{epochs:.3g} / {seconds:.0f} s{of}"


def learned(study: Study) -> list[str]:
    """Return how soon each variant reached the goal, and what a step costs beside the first."""
    sentences, costs = [], {}
    told = [f"{variant} {_in_words(study, variant)}" for variant in study.variants if histories(study, variant)]
    if told:
        sentences.append(f"To an AUROC of {GOAL:g} in validation: {'; '.join(told)}.")
    for variant in study.variants:
        known = [trial.step_seconds for trial in study.of(variant) if trial.step_seconds]
        if known:
            costs[variant] = fmean(known)
    first = study.variants[0] if study.variants else ""
    if first in costs and len(costs) > 1:
        others = [f"{variant} {cost / costs[first]:.2f} times as long" for variant, cost in costs.items()][1:]
        sentences.append(f"A step of {first} takes {costs[first]:.3g} s, of {', of '.join(others)}.")
    return sentences


def _in_words(study: Study, variant: str) -> str:
    """Return what `reached` says, in words."""
    text = reached(study, variant)
    return text if text == "not reached" else text.replace(" / ", " epochs and ", 1)


def mean_line(lines: Sequence[Line]) -> Line:
    """Return the mean of lines, as far as all of them are known."""
    lines = [line for line in lines if line]
    if not lines:
        return []
    first, last = max(line[0][0] for line in lines), min(line[-1][0] for line in lines)
    own = sorted({x for line in lines for x, _ in line if first <= x <= last})
    along = own if len(own) <= POINTS else np.linspace(first, last, POINTS).tolist()
    heights = [np.interp(along, *zip(*line, strict=True)) for line in lines]
    return list(zip(along, np.mean(heights, axis=0).tolist(), strict=True)) if along else []


def epoch_drawing(study: Study) -> Drawing | None:
    """Return AUROC and Dice on validation by epoch and by second; None where no epoch is known."""
    found = {variant: list(histories(study, variant).values()) for variant in study.variants}
    found = {variant: each for variant, each in found.items() if each}
    if not found:
        return None
    words = (
        "What validation said after each epoch. A thin line is one training, the bold one their mean, as far as all of "
        f"them have come. The dotted line is an AUROC of {GOAL:g}, to which the paper counts epochs. By seconds a "
        "variant whose steps are slow moves to the right."
    )
    panels = [Panel(_panel(study, found, score, along)) for along in ALONG for score in SCORES]
    return Drawing("epochs", "Learning, by epoch and by second", words, panels)


def _panel(
    study: Study, found: Mapping[str, Sequence[History]], score: str, along: str
) -> Callable[[Axes, Theme], Entries]:
    """Return what draws one score on validation along epochs or seconds."""

    def draw(axes: Axes, theme: Theme) -> Entries:
        """Draw the panel."""
        entries: Entries = []
        for variant, each in found.items():
            style = {**style_of(study, variant, theme), "marker": ""}
            lines = [history.points(score, along) for history in each]
            for line in lines if len(lines) > 1 else []:
                axes.plot(*zip(*line, strict=True), color=style["color"], linewidth=0.8, alpha=0.5) if line else None
            mean = mean_line(lines)
            if mean:
                dot = "o" if len(mean) == 1 else ""
                axes.plot(*zip(*mean, strict=True), **{**style, "marker": dot}, linewidth=2.2)
            entries.append(({**style, "linewidth": 2.2}, variant))
        if score == "val_auroc":
            goal = {"color": theme.dim, "linewidth": 1.2, "linestyle": ":"}
            axes.axhline(GOAL, **goal)
        dress(
            axes, f"{NAMES[score]} by {along.removesuffix('s')}", ALONG[along], f"{NAMES[score]} on validation", theme
        )
        if along == "epochs":
            axes.locator_params(axis="x", integer=True)
        axes.margins(x=0.02)
        return entries

    return draw
