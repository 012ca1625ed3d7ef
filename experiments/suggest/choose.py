"""Ways of choosing the next block to label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from sklearn.cluster import KMeans

from scripts.core import Box
from scripts.inference import Looker, rank
from scripts.io import open_volume

from .field import Field


class Chooser(Protocol):
    """Chooses the next block of a volume, by those that are labelled and the weights that they trained."""

    def __call__(self, field: Field, labelled: Sequence[Box], weights: Path, seed: int, rounds: int) -> Box:
        """Return a box of the field that is not labelled yet, of as many as there are rounds."""


def by_chance(field: Field, labelled: Sequence[Box], weights: Path, seed: int, rounds: int) -> Box:
    """Return any block, drawn by chance."""
    order = np.random.default_rng(seed).permutation(len(field.boxes))
    return next(field.boxes[index] for index in order if field.boxes[index] not in labelled)


def at_even_distances(field: Field, labelled: Sequence[Box], weights: Path, seed: int, rounds: int) -> Box:
    """Return one of as many blocks as there are rounds, which share the space evenly among them.

    These lie nearest to the centres of k-means over the places of all blocks; their order is by chance.
    """
    centres = np.array([[(start + stop) / 2 for start, stop in box] for box in field.boxes])  # (blocks, 3)
    means = KMeans(rounds, n_init=10, random_state=seed).fit(centres).cluster_centers_
    nearest = np.linalg.norm(centres[:, None] - means[None], axis=2).argmin(axis=0)  # (rounds,)
    order = np.random.default_rng(seed).permutation(len(nearest))
    return next(field.boxes[nearest[at]] for at in order if field.boxes[nearest[at]] not in labelled)


def as_suggested(field: Field, labelled: Sequence[Box], weights: Path, seed: int, rounds: int) -> Box:
    """Return the block that `tubenet suggest` puts first."""
    looker, others = Looker(weights), [box for box in field.boxes if box not in labelled]
    with open_volume(Path(field.volume.image)) as volume:
        scaling = looker.scaling(volume)
        known = looker.describe(volume, scaling, labelled, len(labelled))
        found = looker.describe(volume, scaling, others, len(others))
    ((index, _),) = rank(found, known, 1)
    return found[index].box


WAYS: dict[str, Chooser] = {"suggested": as_suggested, "by chance": by_chance, "even distances": at_even_distances}
