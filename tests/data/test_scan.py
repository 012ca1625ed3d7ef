"""What is known of a label after one reading, against NumPy on the same voxels."""

import itertools

import numpy as np
import pytest

from scripts.data import counting, find_labelled, label_values, scan, scan_labels
from scripts.io import write_volume
from tests.helpers.volume_examples import plain, told, zyx

SHAPE = (6, 5, 4)
WHOLE = tuple((0, side) for side in SHAPE)


def scanned(tmp_path, label, region=WHOLE, unlabelled_value=None):
    path = write_volume(tmp_path / "label.npy", label.astype(np.float32))
    (volume,) = scan_labels([{"label": str(path), "region": region}], unlabelled_value)
    return volume["scan"]


def labels(tmp_path, values):
    """A label file that holds these values, 0 elsewhere, as floats; scanned."""
    voxels = np.zeros(SHAPE)
    voxels.flat[: len(values)] = values
    path = write_volume(tmp_path / "0.npy", voxels.astype(np.float32))
    return scan_labels([{"label": str(path), "region": WHOLE}])


@pytest.mark.parametrize("axis", range(3))
def test_counts_along_each_axis(tmp_path, axis):
    label = np.random.default_rng(0).integers(-1, 3, SHAPE)
    summary = scanned(tmp_path, label)
    assert (summary.values, summary.background, summary.labelled) == ([0, 1, 2], 0, WHOLE)
    for start, stop in itertools.combinations(range(SHAPE[axis] + 1), 2):
        box = tuple((start, stop) if each == axis else WHOLE[each] for each in range(3))
        inside = label[tuple(slice(*bounds) for bounds in box)]
        assert [summary.count(value, box) for value in (0, 1, 2, 7)] == [(inside == v).sum() for v in (0, 1, 2, 7)]
        assert summary.holds_vessel(box) == (inside > 0).any()


def test_the_labelled_box_is_the_smallest_and_lies_in_the_region(tmp_path):
    label = np.full(SHAPE, -1)
    label[0, 0, 0] = 1  # outside the region
    label[2, 1, 3], label[4, 3, 1] = 1, 0
    summary = scanned(tmp_path, label, region=((1, 6), (0, 5), (0, 4)))
    assert summary.labelled == ((2, 5), (1, 4), (1, 4))
    assert [summary.count(value, summary.labelled) for value in (0, 1)] == [1, 1]
    assert summary.count(1, WHOLE) == 1  # what lies beyond the labelled box is not counted


def test_a_box_that_is_cut_along_two_axes_cannot_be_counted(tmp_path):
    summary = scanned(tmp_path, np.ones(SHAPE))
    with pytest.raises(ValueError, match="is cut along 2 axes"):
        summary.count(1, ((0, 3), (0, 2), (0, 4)))


def test_a_value_that_means_not_labelled(tmp_path):
    label = np.zeros(SHAPE)
    label[2:4, 1:3, 1:3], label[2, 1, 1] = 2, 5
    summary = scanned(tmp_path, label, unlabelled_value=0)
    assert (summary.values, summary.background) == ([2, 5], 2)
    assert summary.labelled == ((2, 4), (1, 3), (1, 3))
    assert summary.holds_vessel(WHOLE)
    assert not summary.holds_vessel(((3, 4), (0, 5), (0, 4)))


def test_large_values_are_told_apart(tmp_path):
    label = np.zeros(SHAPE, np.int64)
    label[0, 0], label[1, 0], label[2, 0] = 2**24, 2**24 + 1, 2**40 + 1
    np.save(tmp_path / "label.npy", label)
    volumes = scan_labels([{"label": str(tmp_path / "label.npy"), "region": WHOLE}], 2**40 + 1)
    summary = volumes[0]["scan"]
    assert summary.values == label_values(volumes) == [0, 2**24, 2**24 + 1]
    assert [summary.count(value, WHOLE) for value in summary.values] == [label.size - 12, 4, 4]


def test_each_label_is_read_once_and_after_all_headers(tmp_path, monkeypatch):
    read = []
    original = scan.open_volume
    monkeypatch.setattr(scan, "open_volume", lambda path, *how: read.append(path) or original(path, *how))
    for name in ("a", "b"):
        for folder in ("images", "labels"):
            write_volume(tmp_path / folder / f"{name}.npy", np.ones((8, 8, 8), np.uint8))
    volumes = find_labelled(tmp_path)
    assert read == [str(tmp_path / "labels" / f"{name}.npy") for name in ("a", "b")]
    assert [volume["scan"].values for volume in volumes] == [[1], [1]]
    write_volume(tmp_path / "labels" / "b.npy", np.ones((8, 8, 9), np.uint8))
    read.clear()
    with pytest.raises(ValueError, match=r"has \(8, 8, 9\) voxels"):
        find_labelled(tmp_path)
    assert not read


def test_what_is_no_label(tmp_path):
    for values, why in (
        ([0, 1, 0.25], r"fractions such as 0\.25"),
        ([0, 1, 0.9999999], r"fractions such as 0\.9999999"),
        ([0, 1e30], r"it holds 1e\+30; put a label there"),
        (list(range(33)), "33 different values; put a label there"),
    ):
        with pytest.raises(ValueError, match=why) as error:
            labels(tmp_path, values)
        told(error, tmp_path / "0.npy")
    assert len(label_values(labels(tmp_path, list(range(32))))) == 32


def test_labels_whose_slices_are_channels(tmp_path):
    """Image and label as ImageJ's users draw them, one of them or both."""
    label = np.zeros(SHAPE, np.uint8)
    label[1:3, 2, 1:] = 255
    for name, axes in (("both", ("CYX", "CYX")), ("image", ("CYX", "ZYX")), ("label", ("ZYX", "CYX"))):
        for folder, letters in zip(("images", "labels"), axes, strict=True):
            (tmp_path / folder).mkdir(exist_ok=True)
            plain(tmp_path / folder / f"{name}.tif", array=zyx(label), metadata={"axes": letters})
    for volume in find_labelled(tmp_path, channel="depth"):
        assert volume["shape"] == SHAPE
        assert volume["scan"].count_vessel(WHOLE) == 6
    with pytest.raises(ValueError, match="write --channel depth"):
        find_labelled(tmp_path)


@pytest.mark.parametrize("block", [300, 4000, 2**25])
@pytest.mark.parametrize("kind", ["npy", "tif", "nii"])
def test_a_label_read_by_boxes_is_scanned_as_a_whole(tmp_path, monkeypatch, kind, block):
    label = np.random.default_rng(0).integers(-1, 4, (37, 9, 33)).astype(np.float32)
    label[:5], label[30:] = -1, 9
    region = ((2, 37), (1, 8), (0, 33))
    volume = {"label": str(write_volume(tmp_path / f"l.{kind}", label)), "region": region}
    monkeypatch.setattr(counting, "CELL", 4)
    monkeypatch.setattr("scripts.core.boxes.CELL", 4)
    monkeypatch.setattr(counting, "BLOCK", block)
    (found,) = scan_labels([volume], 9)
    summary = found["scan"]
    assert (summary.values, summary.labelled) == ([0, 1, 2, 3], ((5, 30), (1, 8), (0, 33)))
    inside = label[5:30, 1:8]
    for value in summary.values:
        for axis, others in enumerate([(1, 2), (0, 2), (0, 1)]):
            assert summary.planes[value][axis].tolist() == (inside == value).sum(axis=others).tolist()
        padded = np.pad(inside == value, ((5, 10), (1, 4), (0, 3)))
        cells = padded.reshape(10, 4, 3, 4, 9, 4).sum(axis=(1, 3, 5))
        assert summary.cells[value].tolist() == cells.tolist()


def test_values_are_those_of_the_whole_file_and_a_region_may_lack_some(tmp_path, monkeypatch):
    monkeypatch.setattr(counting, "BLOCK", 16)
    label = np.zeros(SHAPE)
    label[0, 0, 0], label[5, 4, 3] = 3, 1
    summary = scanned(tmp_path, label, region=((2, 6), (0, 5), (0, 4)))
    assert summary.values == [0, 1, 3]
    assert [summary.count(value, WHOLE) for value in (0, 1, 3)] == [79, 1, 0]
    assert summary.cells[3].tolist() == [[[0]]]


def test_a_large_image_given_as_a_label_is_refused_at_its_first_box(tmp_path, monkeypatch):
    monkeypatch.setattr(counting, "BLOCK", 4 * 64)
    image = np.arange(64**2, dtype=np.float32).reshape(16, 16, 16)
    path = write_volume(tmp_path / "0.npy", image)
    with pytest.raises(ValueError, match=r"holds 6\d different values"):
        scan_labels([{"label": str(path), "region": ((0, 16),) * 3}])
