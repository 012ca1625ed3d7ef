"""TopCoW, in its layout, as a dataset: background is what lies in the box around the circle of Willis, and no more."""

import numpy as np
import pytest

from scripts.data import find_labelled
from scripts.data.convert.kinds import import_dataset
from scripts.io import read_volume, write_volume

ROI = "--- ROI Meta Data ---\nSize (Voxels): 4 3 2\nLocation (Voxels): 1 2 0\n"


@pytest.fixture
def release(tmp_path):
    """One CT: segment 1 in the box, and segment 15, which sticks out of it."""
    folder = tmp_path / "data" / "TopCoW2024_Data_Release"
    label = np.zeros((8, 7, 6), np.uint8)
    label[1:4, 2, 0] = 1
    label[4:7, 2, 1] = 15
    place = {"voxel_size": (0.4, 0.4, 0.7), "unit": "mm"}
    image = np.arange(8 * 7 * 6, dtype=np.uint16).reshape(8, 7, 6)
    write_volume(folder / "imagesTr" / "topcow_ct_001_0000.nii.gz", image, **place)
    write_volume(folder / "cow_seg_labelsTr" / "topcow_ct_001.nii.gz", label, **place)
    (folder / "roi_loc_labelsTr").mkdir()
    (folder / "roi_loc_labelsTr" / "topcow_ct_001.txt").write_text(ROI)
    return folder


@pytest.mark.parametrize(("classes", "values"), [(False, [0, 1]), (True, [0, 1, 15])])
def test_outside_the_box_what_is_not_vessel_is_not_labelled(release, tmp_path, classes, values):
    (item,) = find_labelled(import_dataset(release.parent, tmp_path / "dataset", kind="topcow", classes=classes))
    assert (item["name"], item["scan"].values) == ("topcow_ct_001", values)
    expected = np.full((8, 7, 6), -1)
    expected[1:5, 2:5, 0:2] = 0
    expected[1:4, 2, 0] = 1
    expected[4:7, 2, 1] = 15 if classes else 1
    info, label = read_volume(item["label"])
    np.testing.assert_array_equal(label, expected)
    assert info.voxel_size == pytest.approx((0.4, 0.4, 0.7))


def test_the_folder_of_the_release_itself(release, tmp_path):
    assert len(find_labelled(import_dataset(release, tmp_path / "dataset", kind="topcow"))) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no such file; download it"),
        ("empty", "has no lines"),
        (ROI.replace("4 3", "4 6"), "its box does not lie"),
    ],
)
def test_a_box_that_is_missing_or_wrong(release, tmp_path, text, words):
    file = release / "roi_loc_labelsTr" / "topcow_ct_001.txt"
    file.unlink() if text is None else file.write_text(text)
    with pytest.raises((OSError, ValueError), match=words) as error:
        import_dataset(release, tmp_path / "dataset", kind="topcow")
    assert str(file) in str(error.value)
    assert not (tmp_path / "dataset").exists()
