"""The rows of `make results`: what each is about, what works it out, and how long all of them take."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from experiments.baselines import BASELINES, best_threshold_dice
from experiments.cleaning import volumes_of
from experiments.kinds import kind_of
from experiments.score_rows import HASH_DIGITS, Row, Table
from experiments.zero_shot import Blind
from scripts.core import UserError, about, counted, one_line
from scripts.data import find_dataset
from scripts.study import NOT_LABELLED, LabelledVolume, Part, write_part

from .plan import BLOCK, SPLIT, Cut
from .tables import COLUMNS, ORACLE, ZERO_SHOT
from .trial import FINE_TUNED, FROM_SCRATCH, Recipe, evaluate, step_seconds, train

ABOUT = ("weights", "sha256", "volume", "kind", "state", "side", "trains", "scored", "seed", "settings", "data")
SHOWN = {"average_precision": "AP", "dice": "Dice"}
Work = Callable[[Row], Mapping[str, float]]


def table_of(folder: Path) -> Table:
    """Return the rows that a folder has."""
    return Table(folder / "results.csv", ABOUT, [*COLUMNS], SHOWN)


@dataclass(frozen=True)
class Training:
    """A row that takes a training: what it trains on, how, and what is scored."""

    plan: Plan
    volume: str
    cut: Cut
    side: str
    method: str

    def __call__(self, row: Row) -> Mapping[str, float]:
        """Train and score, and return the scores by name with the seconds of the training."""
        plan = self.plan
        part = self.cut.trains[self.side]
        out = plan.folder / "trained" / self.volume / _slug(f"{self.method} {part} seed {row['seed']}")
        key = "\n".join(row[name] for name in ("sha256", "settings", "data", "trains", "seed"))
        dataset = plan.dataset(self.volume, part)
        weights, seconds = train(out, dataset, plan.recipe, self.method, int(row["seed"]), key)
        scored = plan.dataset(self.volume, self.cut.scored)
        found = evaluate(out / "scores", scored, weights, plan.recipe.overlays)
        return _shown(found) | {"seconds": seconds}


class Plan:
    """All rows that are wanted, and the datasets that they are worked out from.

    Args:
        folder: the folder to write into.
        recipe: of the trainings.
        sha256: of the weights, shortened.
        seeds: of the trainings.
        kinds: of images, by how names of volumes begin.
    """

    def __init__(
        self, folder: Path, recipe: Recipe, sha256: str, seeds: Sequence[int], kinds: Mapping[str, str]
    ) -> None:
        self.folder, self.recipe, self.sha256, self.seeds, self.kinds = folder, recipe, sha256, seeds, kinds
        self.cuts: list[tuple[str, Cut]] = []
        self.data: dict[str, str] = {}

    def dataset(self, volume: str, part: Part) -> Path:
        """Return the folder of the dataset of a part of a volume."""
        return self.folder / "data" / volume / _slug(part)

    def add(self, volume: LabelledVolume, cuts: Sequence[Cut]) -> None:
        """Write the datasets of a volume's cuts."""
        for cut in cuts:
            for part in (cut.scored, *cut.trains.values()):
                write_part(self.dataset(volume.name, part), volume, part)
            self.cuts.append((volume.name, cut))
        self.data[volume.name] = volume.digest[:HASH_DIGITS]

    def rows(self) -> list[tuple[Row, Work]]:
        """Return what each row is about and what works it out: what takes least first, then seed by seed."""
        found: list[tuple[Row, Work]] = []
        for volume, cut in self.cuts:
            found += self._without_training(volume, cut)
        for seed in self.seeds:
            for volume, cut in self.cuts:
                found += self._trainings(volume, cut, seed)
        return found

    def _without_training(self, volume: str, cut: Cut) -> Iterator[tuple[Row, Work]]:
        dataset = self.dataset(volume, cut.scored)
        row = self._row(volume, cut)
        for name in (*BASELINES, ORACLE):
            yield row | {"weights": name}, partial(_blind, dataset)
        out = self.folder / "zero_shot" / volume / _slug(cut.scored)
        shown = row | {"weights": ZERO_SHOT, "sha256": self.sha256, "settings": self._overlays()}
        yield shown, lambda _: _shown(evaluate(out, dataset, self.recipe.weights, self.recipe.overlays))

    def _trainings(self, volume: str, cut: Cut, seed: int) -> Iterator[tuple[Row, Work]]:
        for side, part in cut.trains.items():
            scratch = [FROM_SCRATCH] if side == cut.main and cut.kind in (BLOCK, SPLIT) else []
            for method in (FINE_TUNED, *scratch):
                row = self._row(volume, cut) | {
                    "weights": method,
                    "sha256": self.sha256 if method == FINE_TUNED else "",
                    "side": side,
                    "trains": str(part),
                    "seed": str(seed),
                    "settings": self.recipe.settings(method),
                }
                yield row, Training(self, volume, cut, side, method)

    def _row(self, volume: str, cut: Cut) -> Row:
        return {
            "volume": volume,
            "kind": kind_of(volume, self.kinds),
            "state": cut.kind,
            "scored": str(cut.scored),
            "data": self.data[volume],
        }

    def _overlays(self) -> str:
        return ", ".join(Path(each).name for each in self.recipe.overlays)


def _shown(scores: Mapping[str, float]) -> dict[str, float]:
    """Return those scores that the tables have; seconds are of trainings alone."""
    return {name: scores[name] for name in COLUMNS if name in scores and name != "seconds"}


def _slug(what: Part | str) -> str:
    """Return the name of a folder for a part of a volume, or a training."""
    return re.sub(r"\W+", "_", str(what))


@lru_cache(maxsize=1)
def _loaded(dataset: Path) -> Blind:
    ((_, item),) = volumes_of(dataset, unlabelled_value=NOT_LABELLED)
    return Blind(item, dataset, centrelines=True)


def _blind(dataset: Path, row: Row) -> Mapping[str, float]:
    """Score what needs no network, or the best threshold."""
    if row["weights"] == ORACLE:
        (volume,) = find_dataset(dataset)
        return {"dice": best_threshold_dice(volume, NOT_LABELLED)}
    return _shown(_loaded(dataset).threshold(row))


def worked_out(table: Table, wanted: Sequence[tuple[Row, Work]], recipe: Recipe) -> tuple[list[Row], list[str]]:
    """Work out the rows that are missing, and say how long it takes; one that fails stops no other.

    Returns:
        The rows that there are, and a line for each that failed.
    """
    missing = [each for each in wanted if table.find(each[0]) is None]
    trainings = [work for _, work in missing if isinstance(work, Training)]
    told = f"{len(wanted) - len(missing)} of {counted(len(wanted), 'row')} are there from before"
    if trainings:
        steps = sum(recipe.steps(work.method) for work in trainings)
        step = step_seconds(recipe)
        told += f"; to do are {counted(len(trainings), 'training')} of {counted(steps, 'step')} at most, "
        told += f"{about(steps * step)} at {step:.2g} s a step; reading, validation and scoring take longer still"
    print(told, file=sys.stderr, flush=True)
    rows, failures, spent = [], [], list[float]()
    try:
        for row, work in wanted:
            new, begun = table.find(row) is None, time.monotonic()
            try:
                rows += table.having([(row, work)])
            except UserError as error:
                named = (row["weights"], row["volume"], row["state"], row.get("trains", ""), row.get("seed", ""))
                failures.append(f"{', '.join(filter(None, named))}: {one_line(error)}")
                print(f"failed: {failures[-1]}", file=sys.stderr, flush=True)
            if new and isinstance(work, Training):
                spent.append(time.monotonic() - begun)
                left = (len(trainings) - len(spent)) * sum(spent) / len(spent)
                more = f", {about(left)} left" if left else ""
                print(f"training {len(spent)} of {len(trainings)}{more}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        kept = f"; {len(rows)} of {counted(len(wanted), 'row')} are in {table.path}, and the same command goes on"
        raise KeyboardInterrupt(kept) from None
    return rows, failures
