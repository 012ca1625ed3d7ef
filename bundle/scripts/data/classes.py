"""The classes of a dataset: which value of a label file is which, and how many voxels each has."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scripts.core import class_names, refuse

logger = logging.getLogger(__name__)

MASK_VALUES = {0, 1, 255, 65535}  # how programs write false and true


def label_values(
    volumes: Sequence[Mapping[str, Any]],
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
        volumes: with `label` path and `scan` (`scan_labels`); one that is named twice counts once.
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
        UserError: without volumes, for more classes than the network's, and, as `training` says, for labels without
            vessel or a value not `known`.
    """
    volumes = list({volume["label"]: volume for volume in volumes}.values())
    if not volumes:
        refuse("--dataset_dir", "no image has a label", "give a dataset with images/ and labels/")
    holder: dict[int, str] = {}  # of each value, the first file
    binary = unlabelled_value != 0
    for volume in volumes:
        held = volume["scan"].values
        holder = dict.fromkeys(held, volume["label"]) | holder
        binary = binary and np.count_nonzero(held) <= 1 and set(held) <= MASK_VALUES
    values = _map_of_weights(holder, known, training) if known and classes and classes > 2 else None
    if values is None:
        values = sorted(set(holder) | (set() if unlabelled_value == 0 else {0}))
        if classes == 2 < len(values) and binary:
            values = [0, values[1:]]
        if unlabelled_value == 0 and len(values) < 2:
            problem = f"with it the labels hold only {values}"
            refuse("--unlabelled_value 0", problem, "draw background as well as vessels")
    if classes is not None and len(values) > classes:
        problem = f"the labels hold {len(values)} values {values} and the network tells {classes} classes apart"
        remedy = f"set --network_def#out_channels {len(values)}, or --unlabelled_value for one that means not labelled"
        refuse(volumes[0]["label"], problem, remedy)
    _check_presence([str(volume["label"]) for volume in volumes], values, set(holder), classes or len(values), training)
    logger.info("label values %s are the classes %s", values, list(range(len(values))))
    return values


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
        names: their names.
    """
    if len(values) > 2 and names and list(values) == list(known or ()):
        return list(names)
    return class_names(len(values))


def class_counts(volumes: Sequence[Mapping[str, Any]], values: Sequence[int | Sequence[int]]) -> list[int]:
    """Count the labelled voxels of each class over a dataset, inside each volume's region.

    Args:
        volumes: with `scan`, and the `region` that counts.
        values: of the classes (`label_values`).
    """
    counts = [0] * len(values)
    for volume in volumes:
        for index, of_class in enumerate(values):
            held = np.atleast_1d(of_class).tolist()
            counts[index] += sum(volume["scan"].count(value, volume["region"]) for value in held)
    return counts
