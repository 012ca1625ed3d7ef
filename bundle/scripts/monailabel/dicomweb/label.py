"""From the segments that a person stored to a label: classes, and what is labelled."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.core import UNLABELLED, refuse
from scripts.io import NOT_LABELLED, Segment, singular

logger = logging.getLogger(__name__)

DONE = ("labelled", "labeled")
"""Name of a segment whose bounding box is the part that is labelled, all else not."""
NOT_DONE = NOT_LABELLED
"""Name of a segment whose voxels are not labelled."""


def label_of(path: Path, segments: Sequence[Segment], names: Sequence[str]) -> np.ndarray:
    """Return the label that segments are.

    A segment is the class of its name, or the one that its SNOMED code says; where the network knows one class, any
    kind of vessel is that. A viewer's `Segment 2` is the second class. Any other segment, such as an organ, is left
    out.

    A segment called `labelled` says which part is done: the box around it, so that a dab in each of two opposite
    corners is enough. Outside nothing is labelled. What is in a segment called `unlabelled` is not either.

    Args:
        path: where they were stored, for messages.
        segments: of `read_segments`, `(X, Y, Z)` each.
        names: of the classes, background first.

    Returns:
        `(X, Y, Z)`, float32: 0 the background, the number of each class, -1 what is not labelled.

    Raises:
        UserError: if no segment is a class or says what is labelled.
    """
    if not segments:
        refuse(path, "it has no segment", "export it again")
    label = np.zeros(segments[0].voxels.shape, np.float32)  # (X, Y, Z)
    understood = False
    for segment in segments:
        if _is(segment, DONE + NOT_DONE):
            continue  # whatever kind of vessel its code says: a viewer gives every segment one
        if number := _class_of(segment, names):
            label[segment.voxels] = number
            understood = True
        else:
            logger.warning("%s: segment %d is none of %s, and is left out", path.name, segment.number, list(names[1:]))
    for segment in segments:
        where = np.nonzero(segment.voxels)
        if _is(segment, DONE) and len(where[0]):
            box = tuple(slice(axis.min(), axis.max() + 1) for axis in where)
            inside = label[box].copy()
            label[:] = UNLABELLED
            label[box] = inside
            understood = True
    for segment in segments:
        if _is(segment, NOT_DONE):
            label[segment.voxels] = UNLABELLED
    if not understood:
        refuse(path, f"none of its segments is {' or '.join(names[1:])}", "name the segment so, and export it again")
    return label


def _is(segment: Segment, words: Sequence[str]) -> bool:
    return segment.name.strip().lower() in words


def _class_of(segment: Segment, names: Sequence[str]) -> int | None:
    known = [singular(name) for name in names]
    for name in (singular(segment.name), segment.kind):
        if name in known[1:]:
            return known.index(name)
    number = singular(segment.name).removeprefix("segment ")
    if number.isdecimal() and 0 < int(number) < len(names):
        return int(number)
    return 1 if segment.kind and len(names) == 2 else None
