"""Which part validates where what is labelled lies far apart."""

import numpy as np
import pytest

from scripts.data import LabelScan, find_dataset, scan_labels, split_dataset
from tests.helpers.dataset_examples import write_pair

PATCH = (16, 16, 16)
SHAPE = (128, 96, 16)


def blocks(*corners, side=16):
    """A label with vessels in blocks, and nothing labelled elsewhere."""
    label = np.full(SHAPE, -1)
    for corner in corners:
        inside = tuple(slice(start, start + side) for start in (*corner, 0))
        label[inside] = 0
        label[inside][:, 5:10, 5:10] = 1
    return label


def split(folder, label):
    """The boxes that train and validate."""
    parts = split_dataset(scan_labels(find_dataset(write_pair(folder, "v", np.zeros(SHAPE), label))), 0.25, PATCH)
    return tuple(items[0]["region"] for items in parts.values())


def share(label, box):
    """The share of the labelled voxels that a box holds."""
    return (label[tuple(slice(*bounds) for bounds in box)] >= 0).sum() / (label >= 0).sum()


@pytest.mark.parametrize(
    ("corners", "train", "validate"),
    [
        # the last quarter along X, 96 to 128, holds three of the four blocks
        ([(0, 0), (96, 0), (112, 32), (100, 80)], 0.75, 0.25),
        # the usual margin, 80 to 96, holds the second
        ([(0, 0), (80, 0), (112, 0), (0, 32)], 0.75, 0.25),
        # of two blocks one is cut rather than half of all held out
        ([(0, 0), (112, 80)], 0.75, 0.25),
    ],
)
def test_blocks_far_apart_are_divided_between_the_two(corners, train, validate, tmp_path, caplog):
    label = blocks(*corners)
    with caplog.at_level("INFO", logger="scripts.data.split"):
        parts = split(tmp_path, label)
    assert {type(bound) for box in parts for bounds in box for bound in bounds} == {int}  # they go into fingerprints
    assert [share(label, box) for box in parts] == pytest.approx([train, validate], abs=0.01)
    told = f"so that {100 * train:.0f} % of them train and {100 * validate:.0f} % validate"
    assert [told in record.getMessage() for record in caplog.records if record.name == "scripts.data.split"] == [True]


def test_what_is_labelled_by_chance_is_hardly_lost(tmp_path):
    """Of five blocks the usual split trains on 40 % as a median, of 60 draws; here it is more than half in most."""
    trained = []
    for seed in range(12):
        places = np.random.default_rng(seed).permutation(8 * 6)[:5]
        label = blocks(*((place // 6 * 16, place % 6 * 16) for place in places))
        train, validate = split(tmp_path / str(seed), label)
        assert 0.1 < share(label, validate) < 0.45
        trained.append(share(label, train))
    assert np.median(trained) > 0.6
    assert min(trained) > 0.4


def test_of_labels_far_apart_and_vessel_at_one_end_alone(tmp_path):
    """The last quarter holds its share, but no vessel; another end is not taken by its length in the box."""
    label = blocks((0, 0), (16, 32), (16, 80), (112, 80))
    label[100:][label[100:] > 0] = 0
    train, validate = split(tmp_path, label)
    assert share(label, train) > 0.45
    assert 0.15 < share(label, validate) < 0.35


def test_labels_of_one_piece_keep_their_margin(tmp_path, caplog):
    """A triangle, of which the last quarter holds a sixteenth."""
    caplog.set_level("INFO", logger="scripts.data.split")
    x, y, z = np.indices(SHAPE)
    label = np.where(x / 128 + y / 96 < 1, ((y % 8 < 2) & (z % 5 < 2)).astype(int), -1)
    train, validate = split(tmp_path, label)
    assert validate[0][0] - train[0][1] == 16
    assert not [record for record in caplog.records if record.name == "scripts.data.split"]


def test_far_apart_in_a_huge_volume(tmp_path):
    """The cut finds a gap of few voxels in many."""
    planes = {value: [np.zeros(side, int) for side in (20_000, 20_000, 64)] for value in (0, 1)}
    for start in (0, 5_000, 5_064, 19_936):
        for axis in (0, 1):
            for value, count in ((0, 3_000), (1, 1_096)):
                planes[value][axis][start : start + 64] = count
    for value, count in ((0, 4 * 3_000), (1, 4 * 1_096)):
        planes[value][2][:] = count
    box = ((0, 20_000), (0, 20_000), (0, 64))
    scan = LabelScan([0, 1], box, {value: tuple(each) for value, each in planes.items()}, 0, (20_000, 20_000, 64))
    volume = {"name": "v", "label": "v.tif", "region": box, "affine": np.eye(4), "scan": scan}
    parts = split_dataset([volume], 0.25, (64, 64, 64))
    held = [scan.count_vessel(items[0]["region"]) / scan.count_vessel(box) for items in parts.values()]
    assert held == [0.75, 0.25]


def test_a_block_that_is_labelled_whole_is_split_as_ever(tmp_path, caplog):
    caplog.set_level("INFO", logger="scripts.data.split")
    assert split(tmp_path, blocks((16, 16), side=64)) == (
        ((16, 48), (16, 80), (0, 16)),
        ((64, 80), (16, 80), (0, 16)),
    )
    assert not [record for record in caplog.records if record.name == "scripts.data.split"]
