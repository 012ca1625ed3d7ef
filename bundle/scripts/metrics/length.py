"""The length of lines of voxels: that of their links, in the volume's unit.

Voxels of a line that share a face, an edge or a corner are linked, and the length is that of all links, from voxel to
voxel (Freeman, *Computer processing of line-drawing images*, ACM Computing Surveys 1974). A diagonal link counts only
where no voxel of the line lies between its ends: round a corner a line has two links, not three (the mixed adjacency of
Gonzalez and Woods, *Digital image processing*, in three dimensions).

Such a path goes in steps, so it is longer than a straight vessel that runs between the axes: for cubes by up to 15 %,
and by 9 % in the mean over all directions. Weights without that bias are known for cubes alone: 0.9016, 1.289 and 1.615
(Kiryati and Kübler, *Chain code probabilities and optimal length estimators for digitized three-dimensional curves*,
Pattern Recognition 1995). They are 0.90 to 0.93 of these lengths, which cancels where two are compared.

Of a link each of its voxels has one half. So lengths add up over parts of a volume, and as numbers of halves they do so
exactly.

>>> line = np.zeros((4, 3, 1), dtype=np.bool_)
>>> line[[0, 1, 2, 2], [0, 0, 1, 2], 0] = True  # a step, a diagonal, and a step along Y
>>> length_of(links_of(line, np.ones_like(line)), (1, 1, 1)) == 2 + 2**0.5
True
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

STEPS = np.array([step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0)])
"""From a voxel to the half of its neighbours that come after it, `(13, 3)`."""
KINDS = np.array([kind for kind in product((0, 1), repeat=3) if any(kind)])
"""The kinds of links, by the axes that they go along, `(7, 3)`."""


def links_of(line: Mask, counted: Mask) -> Integers:
    """Return how many halves of links a line's voxels have, `(7,)`, one for each of `KINDS`.

    Args:
        line: `(X, Y, Z)`.
        counted: `(X, Y, Z)`, of which voxels halves are counted; a link has one on either side.
    """
    padded = np.pad(line, 1).ravel()
    strides = np.array([(line.shape[1] + 2) * (line.shape[2] + 2), line.shape[2] + 2, 1])
    there = np.flatnonzero(padded)  # (N,)
    known = np.pad(counted, 1).ravel()
    found = np.zeros(len(KINDS), dtype=np.int64)
    for step in STEPS:
        ends = there[padded[there + step @ strides]]  # (L,), the first one of each link
        between = np.zeros(len(ends), dtype=np.bool_)
        for part in product((0, 1), repeat=3):
            way = step * part
            if way.any() and (way != step).any():
                between |= padded[ends + way @ strides]
        ends = ends[~between]
        kind = int((np.abs(step) == KINDS).all(axis=1).argmax())
        found[kind] += np.count_nonzero(known[ends]) + np.count_nonzero(known[ends + step @ strides])
    return found


def length_of(links: Integers, voxel_size: Sequence[float]) -> float:
    """Return a line's length, given the halves of its links, `(7,)`, and a voxel's sides."""
    return float(links @ np.linalg.norm(KINDS * np.asarray(voxel_size), axis=1) / 2)
