"""Means and spreads of variants, and which differ by more than chance.

Scores are averaged over volumes first (where kinds of image are known, over the volumes of a kind and then over kinds),
and then over seeds. Two variants are compared seed by seed, on the volumes that both were scored on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from ..page.score import is_less_better
from .record import Study, Trial

CONFIDENCE = 0.95
ROUNDING = 1e-9  # of scores, below which a spread is none

ByVolume = dict[str, float]


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Attributes:
        mean: over the seeds.
        deviation: their standard deviation (over n - 1); None for a single one.
        values: of each seed.
    """

    mean: float
    deviation: float | None
    values: Mapping[int, float]

    @property
    def text(self) -> str:
        """The mean, and the deviation where there is one."""
        return f"{self.mean:.3f}" if self.deviation is None else f"{self.mean:.3f} ± {self.deviation:.3f}"


@dataclass(frozen=True)
class Difference:
    """By how much one variant is better than another, seed by seed.

    Attributes:
        mean: of the differences, above 0 if the first is better.
        error: standard error of that mean; None for a single seed.
        seeds: how many.
    """

    mean: float
    error: float | None
    seeds: int

    @property
    def clear(self) -> bool:
        """Whether the interval of 95 % confidence of the mean leaves out 0 (Student's t)."""
        return self.clear_among(1)

    def clear_among(self, comparisons: int) -> bool:
        """Return whether it is clear as one of several comparisons (Bonferroni).

        Seeds that all gave the same say nothing about chance.
        """
        return bool(self.error) and abs(self.mean) > standard_errors(self.seeds, comparisons) * (self.error or 0.0)

    def ahead_among(self, comparisons: int) -> bool:
        """Return whether the first is clearly better, as one of several comparisons."""
        return self.clear_among(comparisons) and self.mean > 0

    @property
    def doubt(self) -> str:
        """Why it is not clear."""
        if self.error is None:
            return "one seed cannot tell"
        return f"{self.seeds} seeds may give that by chance" if self.error else (
            f"all {self.seeds} seeds gave the same, which says nothing about chance"
        )  # fmt: skip

    @property
    def ahead(self) -> bool:
        """Whether the first is better by more than the seeds differ."""
        return self.clear and self.mean > 0

    @property
    def text(self) -> str:
        """How large it is, and its standard error where there is one."""
        by = f"{abs(self.mean):.3f}" if abs(self.mean) >= 0.0005 else "less than 0.001"
        return by if self.error is None else f"{by} (standard error {self.error:.3f})"


@dataclass(frozen=True)
class Row:
    """A variant in numbers.

    Attributes:
        variant: its name.
        seeds: how many seeds its score of the study's metric is over.
        of: the estimate of each metric; None where it is not scored.
        figure: what the paper found; None where it does not say.
    """

    variant: str
    seeds: int
    of: Mapping[str, Estimate | None]
    figure: float | None


def standard_errors(seeds: int, comparisons: int = 1) -> float:
    """Return how many standard errors from 0 a mean over seeds must lie to be told from it.

    Args:
        seeds: how many.
        comparisons: among which it is one; that any of them is wrong shall be as rare as with one (Bonferroni).
    """
    from scipy.stats import t

    return float(t.ppf(1 - (1 - CONFIDENCE) / comparisons / 2, seeds - 1))


def over_volumes(scores: Mapping[str, float], kind_of: Mapping[str, str]) -> float:
    """Return the mean over volumes; where kinds are known, of the means of each kind."""
    kinds: dict[str, list[float]] = {}
    for volume, value in scores.items():
        kinds.setdefault(kind_of.get(volume, volume), []).append(value)
    return fmean(fmean(each) for each in kinds.values())


def by_seed(trials: Iterable[Trial], metric: str) -> dict[int, ByVolume]:
    """Return the scores of a metric by seed and volume, the mean where several trials have one.

    Seeds of which fewer volumes are scored than of others are left out: their means would be of other volumes.
    """
    found: dict[int, dict[str, list[float]]] = {}
    for trial in trials:
        for volume, scores in trial.scores.items() if trial.complete else ():
            if (value := scores.get(metric)) is not None:
                found.setdefault(trial.seed, {}).setdefault(volume, []).append(value)
    most = max(map(len, found.values()), default=0)
    return {
        seed: {volume: fmean(values) for volume, values in volumes.items()}
        for seed, volumes in found.items()
        if len(volumes) == most
    }


def estimate_of(values: Mapping[int, float]) -> Estimate | None:
    """Return the mean and the deviation of values by seed; None without any."""
    if not values:
        return None
    return Estimate(fmean(values.values()), stdev(values.values()) if len(values) > 1 else None, dict(values))


def estimate(trials: Iterable[Trial], metric: str, kind_of: Mapping[str, str]) -> Estimate | None:
    """Return what some trials score over volumes and seeds; None if they are not scored."""
    seeds = by_seed(trials, metric)
    return estimate_of({seed: over_volumes(volumes, kind_of) for seed, volumes in sorted(seeds.items())})


def difference(
    one: Sequence[Trial], other: Sequence[Trial], metric: str, kind_of: Mapping[str, str]
) -> Difference | None:
    """Return by how much some trials are better than others, seed by seed.

    Weights that were scored as they are stand against each seed of the others, for no seed changes them.

    Returns:
        The difference, or None where no seed and volume has both.
    """
    first, second = by_seed(one, metric), by_seed(other, metric)
    if first and second:
        if not any(trial.trained for trial in one):
            first = dict.fromkeys(second, first[min(first)])
        elif not any(trial.trained for trial in other):
            second = dict.fromkeys(first, second[min(second)])
    sign = -1 if is_less_better(metric) else 1
    values = []
    for seed in sorted(first.keys() & second.keys()):
        both = first[seed].keys() & second[seed].keys()
        if both:
            by_volume = {volume: sign * (first[seed][volume] - second[seed][volume]) for volume in sorted(both)}
            values.append(over_volumes(by_volume, kind_of))
    if not values:
        return None
    error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return Difference(fmean(values), error if error is None or error > ROUNDING else 0.0, len(values))


def between(study: Study, one: str, other: str, metric: str = "") -> Difference | None:
    """Return by how much one variant of a study is better than another (`difference`)."""
    return difference(study.of(one), study.of(other), metric or study.metric, study.kind_of)


def summary(study: Study) -> list[Row]:
    """Return a row for each variant, the best first, those that are not scored last."""
    figures = study.paper.get("figures") or {}
    rows = []
    for variant in study.variants:
        of = {metric: estimate(study.of(variant), metric, study.kind_of) for metric in metrics_of(study)}
        scored = of[study.metric]
        rows.append(Row(variant, len(scored.values) if scored else 0, of, figures.get(variant)))
    return best_first(rows, study.metric)


def best_first(rows: Sequence[Row], metric: str) -> list[Row]:
    """Return rows by a metric, the best first and those without it last."""
    sign = 1 if is_less_better(metric) else -1
    return sorted(rows, key=lambda row: (row.of[metric] is None, sign * (row.of[metric] or Estimate(0, None, {})).mean))


def metrics_of(study: Study) -> list[str]:
    """Return the metrics of a study, that by which variants are compared first."""
    return list(dict.fromkeys((study.metric, *study.metrics)))


def best_by_validation(trials: Iterable[Trial], selects_by: str) -> Trial | None:
    """Return the trial that validation prefers; what was held out has no say."""
    sign = -1 if is_less_better(selects_by) else 1
    known = [trial for trial in trials if trial.complete and trial.validation is not None]
    return max(known, key=lambda trial: sign * (trial.validation or 0.0), default=None)
