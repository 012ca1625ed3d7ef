"""Label values: one map for a study, what is refused, and exact counts."""

import logging

import numpy as np
import pytest
from volume_examples import told

from scripts.labels import class_counts, label_values
from scripts.volume_io import write_volume

SHAPE = (6, 5, 4)


def labels(tmp_path, *values):
    """Label files that hold these values each, 0 elsewhere, as floats."""
    items = []
    for number, held in enumerate(values):
        voxels = np.zeros(SHAPE, np.float32)
        voxels.flat[: len(held)] = held
        items.append({"label": str(write_volume(tmp_path / f"{number}.npy", voxels))})
    return items


@pytest.mark.parametrize(
    ("values", "known"),
    [
        ([[0, 255]], [0, 255]),
        ([[0, 7], [0, 2, 7]], [0, 2, 7]),
        ([[0, 2], [0, 7]], [0, 2, 7]),
        ([[-1, 3], [-5, 0]], [0, 3]),
        ([[0]], [0]),
    ],
)
def test_one_map_for_all_files(tmp_path, values, known, caplog):
    caplog.set_level(logging.INFO)
    assert label_values(labels(tmp_path, *values)) == known  # whole numbers, stored as floats
    assert f"{known} are the classes {list(range(len(known)))}" in caplog.text


def test_true_and_false_are_1_and_0(tmp_path):
    np.save(tmp_path / "b.npy", np.ones(SHAPE, bool))
    assert label_values([{"label": str(tmp_path / "b.npy")}]) == [0, 1]


def test_unlabelled_value_is_no_class(tmp_path):
    items = labels(tmp_path, [0, 1, 255], [0, 255])
    assert label_values(items, unlabelled_value=255, classes=2) == [0, 1]
    # some programs leave 0 where nothing was drawn: then the lowest drawn value is the background
    assert label_values(labels(tmp_path, [0, 1, 2]), unlabelled_value=0, classes=2) == [1, 2]
    with pytest.raises(ValueError, match=r"only \[1\]; draw background"):
        label_values(labels(tmp_path, [0, 1]), unlabelled_value=0)


def test_what_is_no_label(tmp_path):
    (item,) = labels(tmp_path, [0, 1, 0.25])
    with pytest.raises(ValueError, match=r"fractions such as 0\.25") as error:
        label_values([item])
    told(error, item["label"])
    (item,) = labels(tmp_path, list(range(33)))
    with pytest.raises(ValueError, match="33 different values; an image") as error:
        label_values([item])
    told(error, item["label"])
    assert len(label_values(labels(tmp_path, list(range(32))))) == 32


def test_more_classes_than_the_network(tmp_path):
    items = labels(tmp_path, [0, 1], [0, 2])
    assert label_values(items, classes=3) == [0, 1, 2]
    with pytest.raises(ValueError, match="--network_def#out_channels 3") as error:
        label_values(items, classes=2)
    assert "--unlabelled_value" in str(error.value)
    assert "[0, 1, 2]" in str(error.value)


def test_class_counts_inside_regions(tmp_path):
    items = labels(tmp_path, [7, 7, 2, -1], [2])
    assert class_counts(items, [0, 2, 7]) == [116 + 119, 2, 2]
    items[0]["region"] = ((0, 1), (0, 1), (0, 3))  # the first three voxels
    assert class_counts(items[:1], [0, 2, 7]) == [0, 1, 2]


def test_files_that_mark_vessels_by_different_values_are_all_binary(tmp_path):
    items = labels(tmp_path, [0, 1, 1], [0, 255], [0, -1])
    assert label_values(items, classes=2) == [0, [1, 255]]
    assert label_values(items) == label_values(items, classes=3) == [0, 1, 255]  # three classes, if they are asked for
    assert class_counts(items, [0, [1, 255]]) == [118 + 119 + 119, 3]
    with pytest.raises(ValueError, match="3 values"):  # two of them in one file mean two things
        label_values(labels(tmp_path, [0, 1, 255]), classes=2)
