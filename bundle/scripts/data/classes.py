"""The classes of a dataset: which value of a label file is which, and how many voxels each has."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scripts.core import refuse, slices
from scripts.io import VolumeReader

logger = logging.getLogger(__name__)

MASK_VALUES = {0, 1, 255, 65535}  # how programs write false and true
MOST_CLASSES = 32  # more distinct values than this and a file is an image, not a label


def label_values(
    items: Sequence[Mapping[str, Any]],
    unlabelled_value: float | None = None,
    classes: int | None = None,
    *,
    known: Sequence[int | Sequence[int]] | None = None,
    training: bool = True,
) -> list[int | list[int]]:
    """Values that stand for the classes in the label files of a dataset, background first: one map for all files.

    Weights that tell several vessel classes apart have a map already, `known`, and it counts wherever it can: where a
    dataset holds 0 and 7 alone, 7 is still the class that it was among 0, 2 and 7. Otherwise its own values, ascending,
    are the classes. Where every file is a plain mask but not all of one program, {0, 1} here and
    {0, 255} there, and the network tells two classes apart, all of 1, 255 and 65535 are vessel.

    Args:
        items: with `label` paths.
        unlabelled_value: a value that means *not labelled*; negative values always do.
        classes: how many the network tells apart.
        known: the `label_values` of the sidecar of weights to start from or to score; None, and any map where the
            network tells but two classes apart, leaves the dataset its own.
        training: whether the dataset is to be learnt from. Then it needs vessels, a value that is not `known` gives the
            dataset its own map, and the log tells which classes cannot be learnt. In scoring, labels without vessel are
            as good as any, and a value that is not `known` is refused.

    Returns:
        The index of a value, or of the list of values that it stands in, is its class. The background is 0, unless
        that means *not labelled*.

    Raises:
        UserError: without items; for a file that holds fractions or more than 32 values (an image given as a label),
            for more classes than the network's, and, as `training` says, for labels without vessel or a value not
            `known`.
    """
    if not items:
        refuse("--dataset_dir", "no image has a label", "give a dataset with images/ and labels/")
    reader = VolumeReader()
    holder: dict[int, str] = {}  # of each value, the first file
    binary = unlabelled_value != 0
    for item in items:
        held = _values_in(item["label"], reader, unlabelled_value)
        holder = dict.fromkeys(held, item["label"]) | holder
        binary = binary and np.count_nonzero(held) <= 1 and set(held) <= MASK_VALUES
    values = _map_of_weights(holder, known, training) if known and classes and classes > 2 else None
    if values is None:
        values = sorted(set(holder) | (set() if unlabelled_value == 0 else {0}))
        if classes == 2 < len(values) and binary:
            values = [0, values[1:]]
        if unlabelled_value == 0 and len(values) < 2:
            refuse(
                "--unlabelled_value 0", f"with it the labels hold only {values}", "draw background as well as vessels"
            )
    if classes is not None and len(values) > classes:
        problem = f"the labels hold {len(values)} values {values} and the network tells {classes} classes apart"
        remedy = (
            f"set --network_def#out_channels {len(values)}, or --unlabelled_value if one of them means not labelled"
        )
        refuse(items[0]["label"], problem, remedy)
    _check_presence([str(item["label"]) for item in items], values, set(holder), classes or len(values), training)
    logger.info("label values %s are the classes %s", values, list(range(len(values))))
    return values


def _values_in(path: str, reader: VolumeReader, unlabelled_value: float | None) -> list[int]:
    voxels, _ = reader.get_data(reader.read(path))
    values = np.unique(voxels)
    values = values[values >= 0]
    if unlabelled_value is not None:
        values = values[values != unlabelled_value]
    if (values != np.round(values)).any():
        one = values[values % 1 > 0][0]
        refuse(path, f"holds fractions such as {one:g}; a label is integers", "an image given as a label?")
    if len(values) > MOST_CLASSES:
        refuse(path, f"holds {len(values)} different values", "an image given as a label?")
    return [int(value) for value in values]


def _map_of_weights(holder: Mapping[int, str], known: Sequence, training: bool) -> list | None:
    """The map of the weights, where it tells what each value is; None where the dataset has to have its own."""
    strange = sorted(holder.keys() - {int(value) for of_one in known for value in np.atleast_1d(of_one)})
    if not strange:
        return list(known)
    value, file = strange[0], holder[strange[0]]
    problem = f"holds {value}, which is not among the weights' label values {list(known)}"
    if not training:
        remedy = f"write its class's value there, or set --unlabelled_value {value} if it means not labelled"
        refuse(file, problem, remedy)
    logger.info("%s: %s; the dataset's own values are the classes", file, problem)
    return None


def _check_presence(files: Sequence[str], values: Sequence, held: set[int], classes: int, training: bool) -> None:
    """Tell of classes that no file holds: without vessel there is nothing to learn, without background too little."""
    there = [not held.isdisjoint(np.atleast_1d(of_one).tolist()) for of_one in values]
    more = f" (and {len(files) - 1} more like it)" if files[1:] else ""
    if not any(there[1:]):
        if training:
            refuse(f"{files[0]}{more}", "holds no vessel, so there is nothing to learn", "draw vessels")
        logger.warning("%s%s: holds no vessel; scores that need some are null", files[0], more)
    elif not there[0]:
        logger.warning(
            "%s%s: holds vessel alone, no voxel is background (%s); draw some, or check that these are labels",
            files[0],
            more,
            values[0],
        )
    missing = [index for index in range(1, classes) if index >= len(there) or not there[index]]
    if training and missing:
        logger.warning(
            "the network tells %d classes apart and the labels hold %d of them; it will not learn to find %s",
            classes,
            sum(there),
            missing,
        )


def label_names(values: Sequence, known: Sequence | None = None, names: Sequence[str] | None = None) -> list[str]:
    """Name the classes: as weights that tell the same several apart did, else vessel, or by number.

    Args:
        values: of the classes (`label_values`).
        known: those of the weights to start from.
        names: theirs.
    """
    if len(values) == 2:
        return ["background", "vessel"]
    if names and list(values) == list(known or ()):
        return list(names)
    return [f"class {index}" for index in range(len(values))]


def class_counts(items: Sequence[Mapping[str, Any]], values: Sequence[int | Sequence[int]]) -> list[int]:
    """Count the labelled voxels of each class over a dataset, inside each volume's region.

    Args:
        items: with `label` paths and, if only part of a volume counts, `region` boxes.
        values: of the classes (`label_values`).
    """
    counts = np.zeros(len(values), dtype=np.int64)
    reader = VolumeReader()
    for item in items:
        voxels, _ = reader.get_data(reader.read(item["label"]))
        region = item.get("region") or [(0, size) for size in voxels.shape]
        part = voxels[slices(region)]
        counts += [np.count_nonzero(np.isin(part, value)) for value in values]
    return counts.tolist()
