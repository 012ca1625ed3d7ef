"""What validates where there is no room for a margin, and what all this is called in words."""

import numpy as np
import pytest

from scripts.data import find_dataset, scan_labels, split_dataset, validated_on
from tests.helpers.dataset_examples import write_pair

PATCH = (16, 16, 16)
BLOCK = (32, 32, 10)  # a patch, a margin and a quarter are 40 voxels


def whole(*shape):
    return tuple((0, side) for side in shape)


def split(folder, label):
    """The boxes that train and validate."""
    parts = split_dataset(scan_labels(find_dataset(write_pair(folder, "v", np.zeros(label.shape), label))), 0.25, PATCH)
    return tuple(items[0]["region"] for items in parts.values())


def vessel(*places, shape=BLOCK, half=4):
    """A label with vessels along X from one place to another, as thick as a square of twice `half` voxels."""
    label = np.zeros(shape, int)
    for start, stop in places:
        label[start:stop, shape[1] // 2 - half : shape[1] // 2 + half] = 1
    return label


LAST = whole(24, 32, 10), ((24, 32), (0, 32), (0, 10))
FIRST = ((8, 32), (0, 32), (0, 10)), whole(8, 32, 10)


@pytest.mark.parametrize(
    ("label", "boxes"),
    [
        (vessel((0, 32)), LAST),  # a quarter of each strip along X, as of the whole
        (vessel((0, 24)), FIRST),  # the last has none
        # vessel is a quarter of 22 of 32 voxels, 0.17: a quarter of 2 of 8 in the last, 0.06, of all in the first, 0.25
        (vessel((0, 20), (30, 32)), FIRST),
        (vessel((0, 2), (12, 32)), LAST),
        # none of both ends along X; along Y half of 4 of the last and first 8 voxels
        (vessel((8, 24), half=12), (whole(32, 24, 10), ((0, 32), (24, 32), (0, 10)))),
    ],
)
def test_the_strip_whose_share_of_vessel_is_most_like_the_whole(label, boxes, tmp_path, caplog):
    assert split(tmp_path, label) == boxes
    assert not [record for record in caplog.records if record.name == "scripts.data.split"]


def test_a_strip_of_a_large_volume_whose_end_has_no_vessel(tmp_path):
    """Of the four, only that at the first end has any; and what trains has to have some too."""
    shape = (100, 24, 10)
    first = ((25, 100), (0, 24), (0, 10)), whole(25, 24, 10)
    assert split(tmp_path / "a", vessel((0, 40), shape=shape)) == first
    assert split(tmp_path / "b", vessel((0, 20), shape=shape)) == (whole(*shape),) * 2


LONG = (100, 24, 10)


def test_another_end_with_a_margin_comes_before_a_strip(tmp_path, caplog):
    """The last quarter along X has no vessel, and the first has; or the last has nothing else."""
    first = ((41, 100), (0, 24), (0, 10)), whole(25, 24, 10)  # 25 validate, 16 between
    label = vessel((0, 70), shape=LONG)
    with caplog.at_level("INFO", logger="scripts.data.split"):
        assert split(tmp_path / "a", label) == first
    assert [record.getMessage() for record in caplog.records if record.name == "scripts.data.split"] == [
        "v: to hold out the last 25 of 100 voxels along X leaves a part without vessel or without background; "
        "the first 25 of 100 voxels along X validate"
    ]
    label[75:] = 1
    assert split(tmp_path / "b", label) == first


def test_the_end_of_the_other_axis_with_a_margin(tmp_path):
    """Vessels that end in both quarters along X are in the last one along Y, 64 voxels long."""
    shape = (72, 64, 10)
    label = vessel((20, 52), shape=shape, half=32)
    label[:, ::2] = 0
    assert split(tmp_path, label) == (whole(72, 32, 10), ((0, 72), (48, 64), (0, 10)))


@pytest.mark.parametrize("few", [99, 100])
@pytest.mark.parametrize("kind", [0, 1], ids=["background", "vessel"])
def test_a_strip_has_a_hundred_voxels_of_either_kind(kind, few, tmp_path):
    """Only the last along X has any of this kind, and what trains has it in the middle."""
    label = np.full(BLOCK, 1 - kind)
    strip = np.full((8, 16, 10), 1 - kind)
    strip.flat[:few] = kind
    label[24:, 8:24] = strip
    label[8:24, 8:24] = kind
    assert split(tmp_path, label) == (LAST if few == 100 else (whole(*BLOCK),) * 2)


def test_each_volume_has_its_own_split(tmp_path, caplog):
    """The second is too small for a margin; of the third nothing can be held out, and it only trains."""
    write_pair(tmp_path, "a", np.zeros((100, 24, 10)), vessel((0, 100), shape=(100, 24, 10)))
    write_pair(tmp_path, "b", np.zeros(BLOCK), vessel((0, 32)))
    write_pair(tmp_path, "c", np.zeros(BLOCK), vessel((8, 24)))
    parts = split_dataset(scan_labels(find_dataset(tmp_path)), 0.25, PATCH)
    along_x = {part: [(item["name"], item["region"][0]) for item in items] for part, items in parts.items()}
    assert along_x == {
        "train": [("a", (0, 59)), ("b", (0, 24)), ("c", (0, 32))],
        "validate": [("a", (75, 100)), ("b", (24, 32))],
    }
    (said,) = [record.getMessage() for record in caplog.records if record.name == "scripts.data.split"]
    assert said == "c: nothing can be held out of it; it trains and does not validate"
    assert validated_on(**parts) == (
        "a strip of 25 of 100 voxels along X of a, 16 voxels from what trains; "
        "a strip of 8 of 32 voxels along X of b, which touches what trains"
    )
    assert split_dataset([], 0.25, PATCH) == {"train": [], "validate": []}


@pytest.mark.parametrize(
    ("train", "validate", "words"),
    [
        (*LAST, "a strip of 8 of 32 voxels along X of v, which touches what trains"),
        (*FIRST, "a strip of 8 of 32 voxels along X of v, which touches what trains"),
        (
            ((5, 9), (20, 36), (0, 9)),
            ((5, 9), (52, 60), (0, 9)),
            "a strip of 8 of 40 voxels along Y of v, 16 voxels from what trains",
        ),
        (whole(9, 9, 9), whole(9, 9, 9), "itself"),
    ],
)
def test_what_validates_in_words(train, validate, words):
    parts = [[{"name": "v", "label": "x/v.tif", "region": box}] for box in (train, validate)]
    assert validated_on(*parts) == words


def test_volumes_that_only_validate(tmp_path):
    """A file is the same by whatever path it is named."""
    (tmp_path / "x").mkdir()
    mine, same = tmp_path / "v.tif", tmp_path / "x" / ".." / "v.tif"
    train, itself = ([{"name": "v", "label": str(path), "region": whole(9, 9, 9)}] for path in (mine, same))
    assert validated_on(train, itself) == "itself"
    others = [{"name": name, "label": str(tmp_path / f"{name}.tif"), "region": whole(9, 9, 9)} for name in "wu"]
    assert validated_on(train, others) == "w, which does not train; u, which does not train"
