"""Which part of a volume trains and which validates: exact boxes, and whole volumes where there is no part to spare."""

import numpy as np
import pytest

from scripts.data import find_dataset, scan_labels, split_dataset
from scripts.data.split import split_in_space
from tests.helpers.dataset_examples import write_pair
from tests.helpers.volume_examples import told

PATCH = (16, 16, 16)


def whole(*shape):
    return tuple((0, side) for side in shape)


def affine(*sizes):
    return np.diag([*sizes, 1.0])


@pytest.mark.parametrize(
    ("region", "sizes", "training", "validation"),
    [
        (whole(100, 40, 30), (1, 1, 1), ((0, 59), (0, 40), (0, 30)), ((75, 100), (0, 40), (0, 30))),
        (whole(40, 100, 30), (1, 1, 1), ((0, 40), (0, 59), (0, 30)), ((0, 40), (75, 100), (0, 30))),
        # Z is the longest, and not in plane
        (whole(40, 60, 500), (1, 1, 1), ((0, 40), (0, 29), (0, 500)), ((0, 40), (45, 60), (0, 500))),
        # X is through plane here, so Z is in plane and the longest of its two
        (whole(500, 40, 60), (5, 1, 1), ((0, 500), (0, 40), (0, 29)), ((0, 500), (0, 40), (45, 60))),
        # the split is made inside the region, along the region's longest side
        (
            ((20, 60), (100, 200), (3, 9)),
            (1, 1, 1),
            ((20, 60), (100, 159), (3, 9)),
            ((20, 60), (175, 200), (3, 9)),
        ),
    ],
)
def test_split_by_hand(region, sizes, training, validation):
    assert split_in_space(region, affine(*sizes), 0.25, PATCH) == (training, validation)


def test_the_smallest_box_that_is_split():
    # 16 to train on, 16 between, 8 to validate on
    assert split_in_space(whole(40, 9, 9), np.eye(4), 0.2, PATCH) == (whole(16, 9, 9), ((32, 40), (0, 9), (0, 9)))
    assert split_in_space(whole(39, 9, 9), np.eye(4), 0.2, PATCH) is None


def test_the_margin_is_the_patch_along_the_axis_that_is_split():
    (training, *_), (validation, *_) = split_in_space(whole(100, 40, 30), np.eye(4), 0.25, (8, 64, 64))
    assert (training, validation) == ((0, 67), (75, 100))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_fractions_outside_0_to_1(fraction):
    with pytest.raises(ValueError, match=f"--val_fraction {fraction}: is not between 0 and 1"):
        split_in_space(whole(100, 40, 30), np.eye(4), fraction, PATCH)


# -- a dataset: what its labels say -----------------------------------------------------------------------------------

SHAPE = (100, 24, 10)


def tube(start=0, stop=100, background=0, vessel=1):
    """A label with a vessel along X, from `start` to `stop`."""
    label = np.full(SHAPE, background)
    label[start:stop, 12, 5] = vessel
    return label


def only(label, box, nothing=-1):
    """The same where nothing is labelled outside a box."""
    kept = np.full(SHAPE, nothing)
    inside = tuple(slice(*bounds) for bounds in box)
    kept[inside] = label[inside]
    return kept


def split(folder, label, region=None, unlabelled_value=None):
    """The boxes that train and validate."""
    dataset = scan_labels(
        find_dataset(write_pair(folder, "v", np.zeros(SHAPE), label), region=region), unlabelled_value
    )
    parts = split_dataset(dataset, 0.25, PATCH)
    assert list(parts) == ["train", "validate"]
    for items in parts.values():
        assert [{**item, "region": None} for item in items] == [{**item, "region": None} for item in dataset]
    return parts["train"][0]["region"], parts["validate"][0]["region"]


CORNER = ((40, 100), (8, 24), (4, 10))
IN_CORNER = ((40, 69), (8, 24), (4, 10)), ((85, 100), (8, 24), (4, 10))  # 60 voxels: 29 train, 16 between, 15 validate


@pytest.mark.parametrize(
    ("label", "how", "boxes"),
    [
        (tube(), {}, (whole(59, 24, 10), ((75, 100), (0, 24), (0, 10)))),
        (tube(), {"region": "40:100,8:24,4:10"}, IN_CORNER),
        (only(tube(), CORNER), {}, IN_CORNER),
        (only(tube(), CORNER, nothing=-7), {"unlabelled_value": 255}, IN_CORNER),
        (only(tube(), CORNER, nothing=255), {"unlabelled_value": 255}, IN_CORNER),
        (only(tube(background=1, vessel=2), CORNER, nothing=0), {"unlabelled_value": 0}, IN_CORNER),
        # the region and the block overlap in X 40 to 96: 26 train, 16 between, 14 validate
        (only(tube(), CORNER), {"region": ":96,:,:"}, (((40, 66), *CORNER[1:]), ((82, 96), *CORNER[1:]))),
    ],
)
def test_the_labelled_box_is_split(tmp_path, label, how, boxes, caplog):
    assert split(tmp_path, label, **how) == boxes
    assert not caplog.text


def test_scattered_labelled_slices(tmp_path, caplog):
    """Five of them, in the plane or across it: each part gets some."""
    for axis, slices, boxes in (
        (2, [1, 3, 5, 6, 8], (((0, 59), (0, 24), (1, 9)), ((75, 100), (0, 24), (1, 9)))),
        (0, [5, 20, 50, 80, 95], (((5, 57), (0, 24), (0, 10)), ((73, 96), (0, 24), (0, 10)))),
    ):
        label = np.full(SHAPE, -1)
        for place in slices:
            inside = (*[slice(None)] * axis, place)
            label[inside] = tube()[inside]
        assert split(tmp_path / str(axis), label) == boxes
    assert not caplog.text


@pytest.mark.parametrize(
    ("label", "unlabelled_value", "box"),
    [
        (tube(stop=20), None, whole(*SHAPE)),
        (tube(start=80), None, whole(*SHAPE)),
        (tube(start=59, stop=75), None, whole(*SHAPE)),  # all in the margin
        # what is 1 is the background here, where 0 says that nothing is known
        (tube(stop=20, background=1, vessel=2), 0, whole(*SHAPE)),
        # the first of the two labelled blocks lies in the part that trains, the second in the margin and beyond
        (
            np.where(np.indices(SHAPE)[0] < 30, tube(), only(tube(vessel=0), ((70, 100), (0, 24), (0, 10)))),
            None,
            whole(*SHAPE),
        ),
        (only(tube(), ((60, 99), (0, 24), (2, 9))), None, ((60, 99), (0, 24), (2, 9))),
        (only(tube(), ((0, 9), (0, 24), (0, 10))), None, ((0, 9), (0, 24), (0, 10))),
        (only(tube(), ((4, 6), (10, 14), (5, 6))), None, ((4, 6), (10, 14), (5, 6))),  # a handful of voxels
    ],
)
def test_a_volume_with_no_part_to_spare_validates_on_itself(tmp_path, label, unlabelled_value, box, caplog):
    assert split(tmp_path, label, unlabelled_value=unlabelled_value) == (box, box)
    said = [record.getMessage() for record in caplog.records if record.name == "scripts.data.split"]
    assert said == ["v: nothing can be held out of it; it validates on itself"]


@pytest.mark.parametrize(
    ("label", "how", "where"),
    [
        (np.full(SHAPE, -1), {}, "0:100,0:24,0:10"),
        (tube(vessel=0), {"unlabelled_value": 0}, "0:100,0:24,0:10"),
        (only(tube(), CORNER), {"region": ":30,:,:"}, "0:30,0:24,0:10"),
    ],
)
def test_a_volume_without_a_labelled_voxel_is_refused(tmp_path, label, how, where):
    with pytest.raises(ValueError, match="no voxel is labelled") as error:
        split(tmp_path, label, **how)
    told(error, tmp_path / "labels" / "v.tif", f"no voxel is labelled in {where}", "--region")


@pytest.mark.parametrize("region", [None, ":,0:8,:"], ids=["nowhere", "not in the region"])
def test_vessels_are_needed_where_it_is_labelled(tmp_path, region):
    label = tube(vessel=0) if region is None else tube()
    with pytest.raises(ValueError, match="holds no vessel where it is labelled"):
        split(tmp_path, label, region=region)


def test_a_region_of_vessel_alone_is_told(tmp_path, caplog):
    split(tmp_path, tube(), region="10:40,12:13,5:6")
    told = "v.tif: holds only vessel and no background where it is labelled in --region 10:40,12:13,5:6, so it teaches"
    assert told in caplog.text
    assert "check that --region is where you labelled, or draw background too there" in caplog.text


def test_a_region_without_vessels_is_suspected(tmp_path):
    with pytest.raises(
        ValueError, match="holds no vessel where it is labelled in --region 0:100,0:8,0:10, so"
    ) as error:
        split(tmp_path, tube(), region=":,0:8,:")
    told(error, tmp_path / "labels" / "v.tif", "check that --region is where you labelled, or draw vessels there")


@pytest.mark.parametrize("kind", [0, 1], ids=["vessels", "background"])
def test_one_volume_may_be_without(kind, tmp_path, caplog):
    write_pair(tmp_path, "a", np.zeros(SHAPE), tube())
    write_pair(tmp_path, "b", np.zeros(SHAPE), np.full(SHAPE, kind))
    parts = split_dataset(scan_labels(find_dataset(tmp_path)), 0.25, PATCH)
    assert [item["region"][0] for item in parts["train"]] == [(0, 59)] * 2
    assert not caplog.text


def test_what_is_to_be_scored_must_be_labelled_somewhere(tmp_path):
    write_pair(tmp_path, "a", np.zeros(SHAPE), tube(vessel=0))  # no vessel is fine there
    scan_labels(find_dataset(tmp_path))
    write_pair(tmp_path, "b", np.zeros(SHAPE), only(tube(), ((70, 100), (0, 24), (0, 10))))
    scan_labels(find_dataset(tmp_path))
    with pytest.raises(ValueError, match=r"b\.tif: no voxel is labelled in 0:30,0:24,0:10"):
        scan_labels(find_dataset(tmp_path, region=":30,:,:"))
    with pytest.raises(ValueError, match=r"a\.tif: no voxel is labelled"):
        scan_labels(find_dataset(tmp_path), unlabelled_value=0)
