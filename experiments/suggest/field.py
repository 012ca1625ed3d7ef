"""A volume whose one part may be labelled, block by block, while the other is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import Box, refuse, slices, through_plane_axis
from scripts.inference import tiles
from scripts.study import LabelledVolume, Part, has_both, with_margin, write_part

SCORED = 0.4  # of an axis in plane
MARGIN = 16  # voxels of the finest axis between what may be labelled and what is scored
SIDES = (64, 48, 32, 24)
LEAST = 20  # blocks that there are to choose from


@dataclass(frozen=True, eq=False)
class Field:
    """A volume and its blocks.

    Attributes:
        volume: with its label.
        boxes: those that may be labelled, in the order of their corners.
        scored: a dataset of the other part.
    """

    volume: LabelledVolume
    boxes: Sequence[Box]
    scored: Path

    @classmethod
    def of(cls, item: dict[str, Any], folder: Path, seed: int = 0) -> Field:
        """Divide a volume of a dataset (`scripts.data.find_dataset`).

        Args:
            item: the volume.
            folder: gets the dataset that is scored.
            seed: of which of the four ends in plane is scored, and of where the grid of blocks begins: else a way that
                leaves nothing to chance would be tried once, however many seeds there are.

        Raises:
            UserError: if it is too small, or a part has no vessel.
        """
        volume = LabelledVolume.read(item)
        shape = volume.voxels.shape
        across = through_plane_axis(item["affine"])
        axis = sorted((each for each in range(3) if each != across), key=lambda each: -shape[each])[seed // 2 % 2]
        side, last = shape[axis], seed % 2 == 0
        border = round(side * (1 - SCORED)) if last else round(side * SCORED)
        scored = _cut(shape, axis, *((border, side) if last else (0, border)))
        start, stop = with_margin(scored, MARGIN, item["affine"], shape)[axis]
        pool = _cut(shape, axis, *((0, start) if last else (stop, side)))
        boxes = next((found for side in SIDES if len(found := _grid(pool, side, seed)) >= LEAST), None)
        if boxes is None or not has_both(volume.voxels[slices(scored)]):
            problem = f"has fewer than {LEAST} blocks of {SIDES[-1]} voxels to choose from, or no vessel to score"
            refuse(volume.image, problem, "leave it out by --volumes")
        return cls(volume, sorted(boxes), write_part(folder / f"scored_{seed % 4}", volume, Part(scored)))

    def write_labelled(self, folder: Path, boxes: Sequence[Box]) -> Path:
        """Write a dataset in which only these blocks are labelled; that of the same blocks is left as it is."""
        if not (folder / "dataset.json").is_file():
            write_part(folder, self.volume, Blocks(tuple(boxes)))
        return folder


@dataclass(frozen=True)
class Blocks:
    """The inside of several boxes of a volume."""

    boxes: Sequence[Box]

    def of(self, label: np.ndarray) -> np.ndarray:
        """Return a label `(X, Y, Z)` with -1 in all that is in none of the boxes."""
        kept = np.full_like(label, -1)
        for box in self.boxes:
            kept[slices(box)] = label[slices(box)]
        return kept


def _grid(pool: Box, side: int, seed: int) -> list[Box]:
    """Return the blocks of a part of a volume, its first voxels left out by chance, less than half a block."""
    drawn = np.random.default_rng(seed)
    spare = [(stop - start) % side if stop - start > side else 0 for start, stop in pool]
    first = [
        start + int(drawn.integers(min(left, side // 2) + 1)) for (start, _), left in zip(pool, spare, strict=True)
    ]
    return list(tiles(tuple((start, stop) for start, (_, stop) in zip(first, pool, strict=True)), (side,) * 3))


def _cut(shape: Sequence[int], axis: int, start: int, stop: int) -> Box:
    return tuple((start, stop) if each == axis else (0, side) for each, side in enumerate(shape))
