"""Means over kinds of image, so that several stacks of one laboratory count once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from scripts import study
from scripts.core import BUNDLE

DATASET = BUNDLE.parents[1] / "shared" / "data"
"""The volumes of development, where they are."""
SYNTHETIC = "synthetic"
KINDS = {"octa_retina": "retina", "two_photon": "two-photon", "vascusynth": "trees"}
"""What the volumes of development are called, by how their names begin."""


def kind_of(volume: str, kinds: Mapping[str, str] = KINDS) -> str:
    """Return the kind of image that a volume is of (`scripts.study.kind_of`)."""
    return study.kind_of(volume, kinds)


def by_kind(
    scored: Mapping[str, Mapping[str, float]], score: str, kinds: Mapping[str, str] = KINDS
) -> dict[str, float]:
    """Return the mean of a score over the volumes of each kind; what is undefined is left out.

    Args:
        scored: scores by name, of each volume; a score that a volume lacks is undefined.
        score: its name.
        kinds: see `kind_of`.
    """
    found: dict[str, list[float]] = {}
    for volume, scores in scored.items():
        found.setdefault(kind_of(volume, kinds), []).append(scores.get(score, float("nan")))
    return {kind: mean(numbers) for kind, numbers in found.items()}


def over_kinds(means: Mapping[str, float]) -> float:
    """Return the mean over kinds; synthetic volumes are no kind of image."""
    return mean([value for kind, value in means.items() if kind != SYNTHETIC])


def mean(numbers: Sequence[float]) -> float:
    """Return the mean of what is defined; NaN if nothing is."""
    defined = [each for each in numbers if not np.isnan(each)]
    return float(np.mean(defined)) if defined else float("nan")
