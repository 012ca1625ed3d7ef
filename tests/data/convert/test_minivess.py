"""MiniVess, in its layout, as a dataset."""

import numpy as np

from scripts.data import find_labelled
from scripts.data.convert.kinds import import_dataset
from scripts.io import read_volume, write_volume


def test_raw_and_seg_become_images_and_labels(tmp_path):
    for number in (1, 2):
        voxels = np.arange(6 * 5 * 4, dtype=np.uint16).reshape(6, 5, 4) + number
        place = {"voxel_size": (1, 1, 2), "unit": "µm"}
        write_volume(tmp_path / "data" / "raw" / f"mv0{number}.nii.gz", voxels, **place)
        write_volume(
            tmp_path / "data" / "seg" / f"mv0{number}_y.nii.gz", ((voxels > 50) * 255).astype(np.uint8), **place
        )
    (tmp_path / "data" / "json").mkdir()
    (tmp_path / "data" / "json" / "mv01.json").write_text("{}")
    found = find_labelled(import_dataset(tmp_path / "data", tmp_path / "dataset", kind="minivess"))
    assert [(item["name"], item["scan"].values) for item in found] == [("mv01", [0, 1]), ("mv02", [0, 1])]
    for item in found:
        np.testing.assert_array_equal(read_volume(item["label"])[1], read_volume(item["image"])[1] > 50)
