"""Thresholds of a volume without labels, in log-odds: by its histograms alone, or fitted on other volumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from skimage.filters import threshold_li, threshold_otsu, threshold_triangle, threshold_yen

from experiments.kinds import SYNTHETIC
from experiments.threshold.kept import CENTRES, Kept

LISTED = 200_000  # voxels that stand for all where a function takes voxels and no histogram
LEAST_EXPLAINED = 0.3  # of the variance, for intensity to be asked
Rule = Callable[[Kept, float], float]
"""The threshold of a volume, in log-odds; takes the weights' own, too."""


def log_odds(probability: float) -> float:
    """Return the log-odds of a probability."""
    return float(np.log(probability) - np.log1p(-probability))


def chance(odds: np.ndarray | float) -> np.ndarray:
    """Return the probability of log-odds."""
    return 1 / (1 + np.exp(-np.asarray(odds, dtype=float)))


def listed(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return values as often as they are counted, `LISTED` of them in all, each that occurs at least once."""
    times = np.where(counts > 0, np.maximum(np.round(counts * (LISTED / counts.sum())), 1), 0)
    return np.repeat(values, times.astype(int))


def greatest_expected_dice(kept: Kept, scale: float = 1.0, shift: float = 0.0) -> float:
    """Return the threshold of most expected Dice (RankDice, Dai and Li 2023, arXiv 2206.13086).

    Of very many voxels it is that of Dice of expected numbers. Probabilities are calibrated first as Platt has it, by
    `scale` and `shift` of their log-odds.
    """
    probability, numbers = chance(scale * CENTRES + shift)[::-1], kept.found[::-1]
    true, above = np.cumsum(probability * numbers), np.cumsum(numbers)
    dice = 2 * true / np.maximum(above + true[-1], 1)
    return float(CENTRES[::-1][dice.argmax()])


def least_error(counts: np.ndarray, values: np.ndarray) -> float:
    """Return the threshold of least error if each side is a Gaussian (Kittler and Illingworth 1986)."""
    share = counts / counts.sum()
    low, first, second = np.cumsum(share), np.cumsum(share * values), np.cumsum(share * values**2)
    high = 1 - low
    with np.errstate(all="ignore"):
        below = second / low - (first / low) ** 2
        above = (second[-1] - second) / high - ((first[-1] - first) / high) ** 2
        error = low * np.log(below) + high * np.log(above) - 2 * (low * np.log(low) + high * np.log(high))
    error[~np.isfinite(error) | (np.minimum(low, high) < 0.001)] = np.inf
    return float(values[error.argmin()])


def as_bright(kept: Kept, own: float, threshold: Callable[[np.ndarray], float], share: float = 1.0) -> float:
    """Return the log-odds that as many voxels exceed as exceed a threshold of blurred intensity.

    Where intensity alone explains too little of what was found, it is the weights' own.

    Args:
        kept: the volume.
        own: the weights' own threshold.
        threshold: of intensities.
        share: of it in the mean with the weights' own.
    """
    if kept.explained < LEAST_EXPLAINED:
        return own
    above = kept.intensity[kept.levels > threshold(listed(kept.intensity, kept.levels))].sum() / kept.intensity.sum()
    return share * kept.share_above(above) + (1 - share) * own


def _of_probability(threshold: Callable[[np.ndarray], float], kept: Kept, own: float) -> float:
    return log_odds(float(np.clip(threshold(listed(kept.found, chance(CENTRES))), 1e-6, 1 - 1e-6)))


def _half(rule: Rule, kept: Kept, own: float) -> float:
    return (rule(kept, own) + own) / 2


def _smallest_error(kept: Kept, own: float) -> float:
    return least_error(kept.found, CENTRES)


RULES: dict[str, Rule] = {
    "the weights' own": lambda kept, own: own,
    **{f"{value:g}": partial(lambda value, kept, own: log_odds(value), value) for value in (0.2, 0.25, 0.3, 0.4, 0.5)},
    "greatest expected Dice": lambda kept, own: greatest_expected_dice(kept),
    "least error of log-odds": _smallest_error,
    "half-way to least error": partial(_half, _smallest_error),
    "Otsu of log-odds": lambda kept, own: float(threshold_otsu(listed(kept.found, CENTRES))),
    "Otsu": partial(_of_probability, threshold_otsu),
    "Li": partial(_of_probability, threshold_li),
    "triangle": partial(_of_probability, threshold_triangle),
    "Yen": partial(_of_probability, threshold_yen),
    "as many as blur + triangle": partial(as_bright, threshold=threshold_triangle),
    "half-way to blur + triangle": partial(as_bright, threshold=threshold_triangle, share=0.5),
    "as many as blur + Li": partial(as_bright, threshold=threshold_li),
    "half-way to blur + Li": partial(as_bright, threshold=threshold_li, share=0.5),
}
"""By name. *Half-way* is the mean in log-odds with the weights' own."""


@dataclass(frozen=True)
class Family:
    """Thresholds of which the best is fitted on labelled volumes.

    Attributes:
        threshold: of a volume, the weights' own and numbers.
        numbers: all that are tried.
    """

    threshold: Callable[..., float]
    numbers: Sequence[tuple[float, ...]]

    def fit(self, volumes: Mapping[str, Kept], kinds: Mapping[str, str], own: float) -> tuple[float, ...]:
        """Return the numbers that give most Dice, in the mean over kinds."""
        dice = {
            name: [kept.dice_at(self.threshold(kept, own, *each)) for each in self.numbers]
            for name, kept in volumes.items()
        }
        of_kinds: dict[str, list[list[float]]] = {}
        for name, each in dice.items():
            of_kinds.setdefault(kinds[name], []).append(each)
        means = np.mean([np.mean(each, axis=0) for each in of_kinds.values()], axis=0)  # (numbers,)
        return self.numbers[int(means.argmax())]


CONSTANTS = [log_odds(value) for value in np.arange(0.05, 0.65, 0.02)]

FAMILIES: dict[str, Family] = {
    "a constant": Family(lambda kept, own, constant: constant, [(each,) for each in CONSTANTS]),
    "greatest expected Dice, calibrated": Family(
        lambda kept, own, scale, shift: greatest_expected_dice(kept, scale, shift),
        list(product((0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0), np.arange(-2.0, 3.1, 0.5))),
    ),
    "a line of least error": Family(
        lambda kept, own, slope, constant: slope * _smallest_error(kept, own) + (1 - slope) * constant,
        list(product(np.arange(0.0, 1.01, 0.1), CONSTANTS)),
    ),
    "a line of the mean probability": Family(
        lambda kept, own, slope, constant: constant + slope * (log_odds(_mean(kept)) + 2),
        list(product(np.arange(-1.5, 1.1, 0.1), CONSTANTS)),
    ),
}


def _mean(kept: Kept) -> float:
    """Return the mean probability."""
    return float(np.average(chance(CENTRES), weights=kept.found))


def left_out(
    family: Family, volumes: Mapping[str, Kept], kinds: Mapping[str, str], own: float, learnt: str
) -> dict[str, float]:
    """Return thresholds of the real volumes, fitted without those of their own kind.

    Args:
        family: what is fitted.
        volumes: real and synthetic ones.
        kinds: of each.
        own: the weights' own threshold.
        learnt: `synthetic` volumes alone, `real` kinds left out in turn, or `both`.
    """
    found = {}
    for kind in {each for each in kinds.values() if each != SYNTHETIC}:
        wanted = {
            name: each
            for name, each in volumes.items()
            if kinds[name] != kind and learnt in ("both", "synthetic" if kinds[name] == SYNTHETIC else "real")
        }
        if wanted:
            numbers = family.fit(wanted, kinds, own)
            found |= {
                name: family.threshold(each, own, *numbers) for name, each in volumes.items() if kinds[name] == kind
            }
    return found
