"""SMILE-UHURA, in its layout, as a dataset."""

import numpy as np
import pytest

from scripts.data import find_labelled
from scripts.data.convert.kinds import import_dataset
from scripts.io import read_volume, write_volume


def write(data, part, folder, name):
    voxels = np.arange(6 * 5 * 4, dtype=np.uint16).reshape(6, 5, 4)
    place = {"voxel_size": (0.3, 0.3, 0.3), "unit": "mm"}
    write_volume(data / part / folder / f"{name}.nii.gz", voxels, **place)
    write_volume(data / part / f"{folder}_label" / f"{name}.nii", (voxels > 50).astype(np.uint8), **place)


@pytest.mark.parametrize("parts", [{"train": "a"}, {"validate": "b"}, {"train": "a", "validate": "b"}])
def test_both_sets_or_one_of_them(tmp_path, parts):
    for folder, name in parts.items():
        write(tmp_path / "data", {"train": "TrainingSet", "validate": "ValidationSet"}[folder], folder, name)
    found = find_labelled(import_dataset(tmp_path / "data", tmp_path / "dataset", kind="smile_uhura"))
    assert [item["name"] for item in found] == sorted(parts.values())
    for item in found:
        np.testing.assert_array_equal(read_volume(item["label"])[1], read_volume(item["image"])[1] > 50)


def test_what_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="has neither TrainingSet nor ValidationSet in it"):
        import_dataset(tmp_path, tmp_path.parent / "dataset", kind="smile_uhura")
    write(tmp_path, "TrainingSet", "train", "a")
    write(tmp_path, "ValidationSet", "validate", "a")
    with pytest.raises(ValueError, match="a is in both TrainingSet and ValidationSet"):
        import_dataset(tmp_path, tmp_path.parent / "dataset", kind="smile_uhura")
