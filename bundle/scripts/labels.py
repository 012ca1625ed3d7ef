"""The classes of a study: which value of a label file is which, and how many voxels each has."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scripts.volume_io import VolumeReader

logger = logging.getLogger(__name__)

MASK_VALUES = {0, 1, 255, 65535}  # how programs write false and true
MOST_CLASSES = 32  # more distinct values than this and a file is an image, not a label


def label_values(
    items: Sequence[Mapping[str, Any]], unlabelled_value: float | None = None, classes: int | None = None
) -> list[int | list[int]]:
    """Values that stand for the classes in the label files of a study, background first: one map for all files.

    Where every file is a plain mask but not all of one program, {0, 1} here and {0, 255} there, and the network tells
    two classes apart, all of 1, 255 and 65535 are vessel.

    Args:
        items: with ``label`` paths.
        unlabelled_value: a value that means *not labelled*; negative values always do.
        classes: how many the network tells apart.

    Returns:
        Ascending; the index of a value, or of the list of values that it stands in, is its class. The background is
        0, unless that means *not labelled*.

    Raises:
        ValueError: for a file that holds fractions or more than 32 values (an image given as a label), or for more
            classes than the network's.
    """
    found: set[int] = set() if unlabelled_value == 0 else {0}
    binary = unlabelled_value != 0
    reader = VolumeReader()
    for item in items:
        voxels, _ = reader.get_data(reader.read(item["label"]))
        values = np.unique(voxels)
        values = values[values >= 0]
        if unlabelled_value is not None:
            values = values[values != unlabelled_value]
        if (values != np.round(values)).any():
            raise ValueError(
                f"{item['label']}: holds fractions such as {values[values % 1 > 0][0]:g}; a label is integers"
            )
        if len(values) > MOST_CLASSES:
            raise ValueError(f"{item['label']}: holds {len(values)} different values; an image given as a label?")
        found |= {int(value) for value in values}
        binary = binary and np.count_nonzero(values) <= 1 and set(values) <= MASK_VALUES
    known: list[int | list[int]] = sorted(found)
    if classes == 2 < len(known) and binary:
        known = [0, known[1:]]
    if unlabelled_value == 0 and len(known) < 2:
        raise ValueError(f"with --unlabelled_value 0 the labels hold only {known}; draw background as well as vessels")
    if classes is not None and len(known) > classes:
        raise ValueError(
            f"the labels hold {len(known)} values {known} and the network tells {classes} classes apart; "
            f"set --network_def#out_channels {len(known)}, or --unlabelled_value if one of them means not labelled"
        )
    if len(known) < 2:
        logger.warning("the labels hold no vessel at all: every labelled voxel is %s", known)
    logger.info("label values %s are the classes %s", known, list(range(len(known))))
    return known


def class_counts(items: Sequence[Mapping[str, Any]], values: Sequence[int | Sequence[int]]) -> list[int]:
    """Count the labelled voxels of each class over a study, inside each volume's region.

    Args:
        items: with ``label`` paths and, if only part of a volume counts, ``region`` boxes.
        values: of the classes (:func:`label_values`).
    """
    counts = np.zeros(len(values), dtype=np.int64)
    reader = VolumeReader()
    for item in items:
        voxels, _ = reader.get_data(reader.read(item["label"]))
        region = item.get("region") or [(0, size) for size in voxels.shape]
        part = voxels[tuple(slice(*bounds) for bounds in region)]
        counts += [np.count_nonzero(np.isin(part, value)) for value in values]
    return counts.tolist()
