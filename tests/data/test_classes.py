"""Label values: one map for a dataset, what is refused, and exact counts."""

import logging

import numpy as np
import pytest

from scripts.data import class_counts, label_names, label_values, scan_labels
from scripts.io import write_volume
from tests.helpers.volume_examples import told

SHAPE = (6, 5, 4)


WHOLE = tuple((0, side) for side in SHAPE)


def labels(tmp_path, *values, unlabelled_value=None):
    """Label files that hold these values each, 0 elsewhere, as floats; scanned."""
    items = []
    for number, held in enumerate(values):
        voxels = np.zeros(SHAPE, np.float32)
        voxels.flat[: len(held)] = held
        items.append({"label": str(write_volume(tmp_path / f"{number}.npy", voxels)), "region": WHOLE})
    return scan_labels(items, unlabelled_value)


@pytest.mark.parametrize(
    ("values", "known"),
    [
        ([[0, 255]], [0, 255]),
        ([[0, 7], [0, 2, 7]], [0, 2, 7]),
        ([[0, 2], [0, 7]], [0, 2, 7]),
        ([[-1, 3], [-5, 0]], [0, 3]),
        ([[0], [0, 5]], [0, 5]),
    ],
)
def test_one_map_for_all_files(tmp_path, values, known, caplog):
    caplog.set_level(logging.INFO)
    assert label_values(labels(tmp_path, *values)) == known  # whole numbers, stored as floats
    assert f"{known} are the classes {list(range(len(known)))}" in caplog.text


def test_true_and_false_are_1_and_0(tmp_path):
    np.save(tmp_path / "b.npy", np.indices(SHAPE)[0] > 1)
    assert label_values(scan_labels([{"label": str(tmp_path / "b.npy"), "region": WHOLE}])) == [0, 1]


def test_unlabelled_value_is_no_class(tmp_path):
    items = labels(tmp_path, [0, 1, 255], [0, 255], unlabelled_value=255)
    assert label_values(items, unlabelled_value=255, classes=2) == [0, 1]
    # some programs leave 0 where nothing was drawn: then the lowest drawn value is the background
    assert label_values(labels(tmp_path, [0, 1, 2], unlabelled_value=0), unlabelled_value=0, classes=2) == [1, 2]
    with pytest.raises(ValueError, match=r"only \[1\]; draw background"):
        label_values(labels(tmp_path, [0, 1], unlabelled_value=0), unlabelled_value=0)


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
    items[0]["region"] = ((0, 1), *WHOLE[1:])  # the first plane, with the first four voxels
    assert class_counts(items[:1], [0, 2, 7]) == [20 - 4, 1, 2]


def test_files_that_mark_vessels_by_different_values_are_all_binary(tmp_path):
    items = labels(tmp_path, [0, 1, 1], [0, 255], [0, -1])
    assert label_values(items, classes=2) == [0, [1, 255]]
    assert label_values(items) == label_values(items, classes=3) == [0, 1, 255]  # three classes, if they are asked for
    assert class_counts(items, [0, [1, 255]]) == [118 + 119 + 119, 3]
    with pytest.raises(ValueError, match="3 values"):  # two of them in one file mean two things
        label_values(labels(tmp_path, [0, 1, 255]), classes=2)


# -- the map of weights, and what is not there -------------------------------------------------------------------------


def test_the_map_of_weights_counts_wherever_it_can(tmp_path):
    items = labels(tmp_path, [0, 7], [7])
    assert label_values(items, classes=3) == [0, 7]
    for training in (True, False):
        assert label_values(items, classes=3, known=[0, 2, 7], training=training) == [0, 2, 7]
        assert label_values(items, classes=3, known=[0, [2, 7], 9], training=training) == [0, [2, 7], 9]
        # two classes are vessel and no vessel, whatever they are called
        assert label_values(items, classes=2, known=[0, 255], training=training) == [0, 7]


def test_a_value_that_the_weights_do_not_know(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    items = labels(tmp_path, [0, 7], [0, 3, 7])
    known = {"classes": 3, "known": [0, 2, 7]}
    with pytest.raises(
        ValueError, match=r"holds 3, .* weights' label values \[0, 2, 7\]; .* --unlabelled_value 3"
    ) as error:
        label_values(items, **known, training=False)
    told(error, items[1]["label"])
    again = labels(tmp_path, [0, 7], [0, 3, 7], unlabelled_value=3)
    assert label_values(again, **known, unlabelled_value=3, training=False) == [0, 2, 7]
    assert label_values(items, **known, training=True) == [0, 3, 7]
    assert f"{items[1]['label']}: holds 3, which is not among the weights' label values" in caplog.text
    assert "the dataset's own values are the classes" in caplog.text


def test_no_vessel_at_all_cannot_be_learnt_but_scored(tmp_path, caplog):
    items = labels(tmp_path, [0], [-1, 0])
    for known in (None, [0, 2, 7]):
        with pytest.raises(ValueError, match=r" \(and 1 more like it\): holds no vessel, .*; draw vessels") as error:
            label_values(items, classes=3, known=known)
        assert str(error.value).startswith(items[0]["label"])
        assert label_values(items, classes=3, known=known, training=False) == (known or [0])
    assert "holds no vessel; scores that need some are null" in caplog.text


def test_vessel_everywhere_is_told(tmp_path, caplog):
    np.save(tmp_path / "a.npy", np.full(SHAPE, 255, np.uint8))
    (volume,) = scan_labels([{"label": str(tmp_path / "a.npy"), "region": WHOLE}])
    assert label_values([volume], classes=2, training=False) == [0, 255]
    assert f"{volume['label']}: holds only vessel, no voxel is background (0)" in caplog.text
    caplog.clear()
    label_values([volume, *labels(tmp_path / "other", [0, 255])], classes=2)
    assert "vessel alone" not in caplog.text


@pytest.mark.parametrize(("known", "missing"), [(None, [2]), ([0, 2, 7], [1])])
def test_a_class_that_no_label_holds_is_told_to_whom_it_matters(tmp_path, caplog, known, missing):
    items = labels(tmp_path, [0, 7])
    label_values(items, classes=3, known=known)
    assert f"has 3 classes and the labels hold 2 of them; it will not learn to find {missing}" in caplog.text
    caplog.clear()
    label_values(items, classes=3, known=known, training=False)
    label_values(items, classes=2, known=known)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_names_of_classes():
    assert label_names([0, 255]) == label_names([0, [1, 255]], [0, 1], ["ground", "tube"]) == ["background", "vessel"]
    assert label_names([0, 2, 7]) == ["class 0", "class 1", "class 2"]
    names = ["background", "artery", "vein"]
    assert label_names([0, 2, 7], [0, 2, 7], names) == names
    assert label_names([0, 2, 9], [0, 2, 7], names) == ["class 0", "class 1", "class 2"]
