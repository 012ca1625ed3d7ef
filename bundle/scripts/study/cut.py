"""Cut a block out of a volume to train on, with enough left beside it to be scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import prod

import numpy as np

from scripts.core import Box

from .block import has_both, labelled_box, typical_box, with_margin
from .part import Part

MAX_SHARE = 0.5
"""Of the labelled voxels, that may train; the rest is to say how good the result is."""
MIN_SCORED = 0.1
"""Of the labelled voxels, that are scored; fewer say little of the rest."""
MIN_SIDE = 16
"""In voxels, of the smallest block."""


@dataclass(frozen=True)
class Cut:
    """Blocks that train, each inside the one before, and what is scored of the same volume.

    Attributes:
        blocks: by their side, the largest first; where the volume has fewer voxels, all of them.
        scored: all that is outside of the largest block and of the margin around it.
        margin: in voxels of the finest axis.
    """

    blocks: dict[int, Box]
    scored: Part
    margin: int


def cut_of(
    label: np.ndarray, affine: np.ndarray, nested: Sequence[Sequence[int]], patch_size: Sequence[int]
) -> Cut | None:
    """Return the first blocks that leave enough to be scored.

    The margin is a patch side, or half of one where there is no room for that; only where no block has room for either
    there is none.

    Args:
        label: `(X, Y, Z)`, above 0 for vessel, 0 for background, below where nothing is labelled.
        affine: 4x4 affine of the volume.
        nested: sides of blocks that lie inside one another, the largest first, in the order in which they are tried.
        patch_size: of a training, in voxels, (X, Y, Z).

    Returns:
        The blocks and what is scored, or None if none are labelled as a whole, hold vessel and background, and leave
        half of the labelled voxels outside them and a tenth, with vessel and background, outside their margin.
    """
    if not has_both(label):
        return None
    labelled, box = np.count_nonzero(label >= 0), labelled_box(label)
    extents = [stop - start for start, stop in box]
    small = [
        tuple(sides) for sides in nested if prod(min(sides[0], extent) for extent in extents) <= MAX_SHARE * labelled
    ]
    blocks = cache(lambda sides: _nested(label, sides))
    side = max(patch_size)
    for margins in ((side, side // 2), (0,)):
        for sides in small:
            if (found := blocks(sides)) is None:
                continue
            for margin in margins:
                scored = Part(with_margin(found[sides[0]], margin, affine, label.shape), inside=False)
                left = scored.of(label)  # (X, Y, Z)
                if has_both(left) and np.count_nonzero(left >= 0) >= MIN_SCORED * labelled:
                    return Cut(found, scored, margin)
    return None


def _nested(label: np.ndarray, sides: Sequence[int]) -> dict[int, Box] | None:
    found: dict[int, Box] = {}
    box: Box | None = None
    for side in sides:
        box = typical_box(label, [side] * 3, box)
        if box is None:
            return None
        found[side] = box
    return found
