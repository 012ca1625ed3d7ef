"""The classes of a dataset: which label value is which class, and how many voxels each has."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scripts.core import class_names, refuse

from .images import FAILED

logger = logging.getLogger(__name__)

MASK_VALUES = {0, 1, 255, 65535}  # values that programs write for false and true


def label_values(
    volumes: Sequence[Mapping[str, Any]],
    unlabelled_value: float | None = None,
    classes: int | None = None,
    *,
    known: Sequence[int | Sequence[int]] | None = None,
    training: bool = True,
) -> list[int | list[int]]:
    """Return the label values that stand for the classes, background first, for all files.

    Weights with several vessel classes already have a map, `known`, which is used if it covers all values: in a dataset
    with only 0 and 7, 7 is still the class that it was among 0, 2 and 7. Otherwise the dataset's own values, ascending,
    are the classes. If the network has two classes and every file is a plain mask, but some hold {0, 1} and others
    {0, 255}, then 1, 255 and 65535 all mean vessel.

    Args:
        volumes: volumes with `label` path and `scan` (`scan_labels`); a volume that is listed twice counts once, and
            one that has `failed` is left out.
        unlabelled_value: a value that means *not labelled*; negative values always do.
        classes: number of classes of the network.
        known: `label_values` from the sidecar of the weights to start from or to score. It is ignored if None or if the
            network has only two classes.
        training: whether the dataset is for training. If so, it must have vessels and background, a value that is not
            `known` gives it its own map, and the log lists classes that cannot be learnt. In scoring, labels without
            vessel or background are accepted, and a value that is not `known` is refused.

    Returns:
        The value of each class, or the list of values that all mean that class. The background is 0, unless that means
        *not labelled*.

    Raises:
        UserError: if there are no volumes, or more classes than the network has, and, depending on `training`, if the
            labels hold no vessel, or nothing else, or a value that is not `known`.
    """
    volumes = list({volume["label"]: volume for volume in volumes if FAILED not in volume}.values())
    if not volumes:
        refuse("--dataset_dir", "no image has a label", "give a dataset with images/ and labels/")
    holder: dict[int, str] = {}  # the first file that holds each value
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
        problem = f"the labels hold {len(values)} values {values} and the network has {classes} classes"
        remedy = f"set --network_def#out_channels {len(values)}, or --unlabelled_value for one that means not labelled"
        # the file with a value too many, and not just any
        refuse(holder.get(int(np.atleast_1d(values[-1])[0]), volumes[0]["label"]), problem, remedy)
    _check_presence([str(volume["label"]) for volume in volumes], values, set(holder), classes or len(values), training)
    logger.info("label values %s are the classes %s", values, list(range(len(values))))
    return values


def _map_of_weights(holder: Mapping[int, str], known: Sequence, training: bool) -> list | None:
    """Return the map of the weights if it covers all values, else None."""
    strange = sorted(holder.keys() - {int(value) for of_one in known for value in np.atleast_1d(of_one)})
    if not strange:
        return list(known)
    value, file = strange[0], holder[strange[0]]
    problem = f"holds {value}, which is not among the weights' label values {list(known)}"
    if not training:
        remedy = f"replace it by its class's value, or set --unlabelled_value {value} if it means not labelled"
        refuse(file, problem, remedy)
    logger.info("%s: %s; so the dataset's own values are the classes", file, problem)
    return None


def _check_presence(files: Sequence[str], values: Sequence, held: set[int], classes: int, training: bool) -> None:
    """Refuse or warn about classes that no file holds; without vessel there is nothing to learn."""
    there = [not held.isdisjoint(np.atleast_1d(of_one).tolist()) for of_one in values]
    more = f" (and {len(files) - 1} more like it)" if files[1:] else ""
    if not any(there[1:]):
        if training:
            refuse(f"{files[0]}{more}", "holds no vessel, so there is nothing to learn", "draw vessels")
        logger.warning("%s%s: holds no vessel; scores that need some are null", files[0], more)
    elif not there[0]:
        logger.warning(
            "%s%s: holds only vessel, no voxel is background (%s); draw some, or check that these are labels",
            files[0],
            more,
            values[0],
        )
    missing = [index for index in range(1, classes) if index >= len(there) or not there[index]]
    if training and missing:
        logger.warning(
            "the network has %d classes and the labels hold %d of them; it will not learn to find %s",
            classes,
            sum(there),
            missing,
        )


def label_names(values: Sequence, known: Sequence | None = None, names: Sequence[str] | None = None) -> list[str]:
    """Name the classes: as in the weights if their classes are the same, else by default names.

    Args:
        values: label values of the dataset's classes (`label_values`).
        known: label values of the weights to start from.
        names: class names of those weights.
    """
    if len(values) > 2 and names and list(values) == list(known or ()):
        return list(names)
    return class_names(len(values))


def class_counts(volumes: Sequence[Mapping[str, Any]], values: Sequence[int | Sequence[int]]) -> list[int]:
    """Count the labelled voxels of each class in a dataset, inside each volume's region.

    Args:
        volumes: volumes with `scan`, and the `region` in which to count.
        values: label values of the classes (`label_values`).
    """
    counts = [0] * len(values)
    for volume in volumes:
        for index, of_class in enumerate(values):
            held = np.atleast_1d(of_class).tolist()
            counts[index] += sum(volume["scan"].count(value, volume["region"]) for value in held)
    return counts
