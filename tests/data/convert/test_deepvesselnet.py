"""DeepVesselNet's synthetic volumes, in their layout, as a dataset."""

import numpy as np

from scripts.data import find_labelled
from scripts.data.convert.kinds import import_dataset
from scripts.io import read_volume, write_volume


def test_numbers_get_a_name_before_them(tmp_path):
    for number in (1, 10):
        voxels = np.arange(6 * 5 * 4, dtype=np.float32).reshape(6, 5, 4) * number
        write_volume(tmp_path / "raw" / f"{number}.nii.gz", voxels)
        write_volume(tmp_path / "seg" / f"{number}.nii.gz", (voxels > 50).astype(np.float32))
    found = find_labelled(import_dataset(tmp_path, tmp_path.parent / "dataset", kind="deepvesselnet"))
    assert [item["name"] for item in found] == ["deepvesselnet_1", "deepvesselnet_10"]
    for item in found:
        np.testing.assert_array_equal(read_volume(item["label"])[1], read_volume(item["image"])[1] > 50)
