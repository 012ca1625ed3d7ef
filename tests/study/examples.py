"""Volumes that one can count by hand, and what a study of them is planned from."""

import numpy as np

from scripts.data import find_dataset, find_labelled
from scripts.study import NOT_LABELLED, LabelledVolume, Setting
from tests.helpers.dataset_examples import write_pair


def striped(shape, axis=2):
    """(X, Y, Z) whose every fourth plane across an axis is vessel: a quarter of any box of 4, 8, ... planes."""
    return (np.indices(shape)[axis] % 4 == 0).astype(np.int8)


def write_volumes(folder, labels, suffix=".tif"):
    """A dataset of labels by name, each image with values of its own."""
    for number, (name, label) in enumerate(sorted(labels.items())):
        write_pair(folder, name, label + number, label, suffix=suffix)
    return folder


def setting_of(dataset, folder, description=None, **how):
    """A setting of a dataset, every volume of its own kind but those that share a first letter."""
    items = find_dataset(dataset)
    return Setting(
        **{
            "description": description or {},
            "volumes": [LabelledVolume.read(item) for item in items],
            "affines": {item["name"]: item["affine"] for item in items},
            "kinds": {item["name"]: item["name"][0] for item in items},
            "folder": folder,
            "seeds": (0, 1),
            "patch_size": (16, 16, 16),
        }
        | how
    )


def boxes_of(dataset):
    """Where each volume of a dataset of parts is labelled, by name."""
    return {item["name"]: item["scan"].labelled for item in find_labelled(dataset, unlabelled_value=NOT_LABELLED)}


def labels_of(dataset):
    """The label of each volume of a dataset of parts, -1 where nothing is labelled, by name."""
    return {item["name"]: LabelledVolume.read(item, NOT_LABELLED).voxels for item in find_dataset(dataset)}


def contents_of(folder):
    """Every file below a folder, by its path, to see that planning again writes the same."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def disjoint(trains, scored):
    """Whether no voxel of any image trains and is scored."""
    train, score = labels_of(trains), labels_of(scored)
    return not any(((train[name] >= 0) & (score[name] >= 0)).any() for name in train.keys() & score.keys())
