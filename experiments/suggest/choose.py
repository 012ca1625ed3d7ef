"""Ways of choosing the next block to label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from scripts.core import Box
from scripts.inference import Looker, rank
from scripts.io import open_volume

from .field import Field


class Chooser(Protocol):
    """Chooses the next block of a volume, by those that are labelled and the weights that they trained."""

    def __call__(self, field: Field, labelled: Sequence[Box], weights: Path, seed: int) -> Box:
        """Return a box of the field that is not labelled yet."""


def by_chance(field: Field, labelled: Sequence[Box], weights: Path, seed: int) -> Box:
    """Return any block, drawn by chance."""
    order = np.random.default_rng(seed).permutation(len(field.boxes))
    return next(field.boxes[index] for index in order if field.boxes[index] not in labelled)


def at_even_distances(field: Field, labelled: Sequence[Box], weights: Path, seed: int) -> Box:
    """Return the block furthest from all that are labelled; the first one is drawn by chance."""
    if not labelled:
        return by_chance(field, labelled, weights, seed)
    centres = np.array([[(start + stop) / 2 for start, stop in box] for box in field.boxes])  # (blocks, 3)
    extent = np.array(field.volume.voxels.shape)
    known = np.array([centres[field.boxes.index(box)] for box in labelled])
    distances = np.linalg.norm((centres[:, None] - known[None]) / extent, axis=2).min(axis=1)  # (blocks,)
    return field.boxes[int(distances.argmax())]


def as_suggested(field: Field, labelled: Sequence[Box], weights: Path, seed: int) -> Box:
    """Return the block that `tubenet suggest` puts first."""
    looker, others = Looker(weights), [box for box in field.boxes if box not in labelled]
    with open_volume(Path(field.volume.image)) as volume:
        scaling = looker.scaling(volume)
        known = looker.describe(volume, scaling, labelled, len(labelled))
        found = looker.describe(volume, scaling, others, len(others))
    ((index, _),) = rank(found, known, 1)
    return found[index].box


WAYS: dict[str, Chooser] = {"suggested": as_suggested, "by chance": by_chance, "even distances": at_even_distances}
