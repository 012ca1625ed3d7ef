"""HiP-CT of kidneys, in the layout of its competition, as a dataset."""

import numpy as np
import pytest
import tifffile

from scripts.data import find_dataset
from scripts.data.convert import hip_ct
from scripts.data.convert.kinds import import_dataset
from scripts.io import read_volume

KIDNEY = np.arange(5 * 4 * 3, dtype=np.uint16).reshape(5, 4, 3) * 1000  # (Z, Y, X)


def write(train, name, slices, images=True):
    """Slices of a kidney, one a file, of which what is above 30000 is vessel."""
    for folder in ("images", "labels") if images else ("labels",):
        (train / name / folder).mkdir(parents=True)
    for number, page in zip(slices, KIDNEY, strict=False):
        if images:
            tifffile.imwrite(train / name / "images" / f"{number:04d}.tif", page)
        tifffile.imwrite(train / name / "labels" / f"{number:04d}.tif", np.where(page > 30000, 255, 0).astype(np.uint8))


@pytest.fixture
def published(tmp_path):
    train = tmp_path / "data" / "train"
    write(train, "kidney_1_dense", range(5))
    write(train, "kidney_2", range(5))
    write(train, "kidney_3_sparse", range(496, 501))
    write(train, "kidney_3_dense", range(496, 499), images=False)
    return tmp_path / "data"


def test_dense_kidneys_become_slabs_that_know_the_range_of_the_whole(published, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(hip_ct, "SLAB", 3)
    caplog.set_level("INFO")
    found = {item["name"]: item for item in find_dataset(import_dataset(published, tmp_path / "dataset", "hip_ct"))}
    starts = {"kidney_1_dense": (0, 3), "kidney_3_dense": (496,)}
    assert list(found) == [f"{name}_{start:04d}" for name, all_of in starts.items() for start in all_of]
    for name, first, last in (("kidney_1_dense_0003", 3, 5), ("kidney_3_dense_0496", 0, 3)):
        info, image = read_volume(found[name]["image"])
        np.testing.assert_array_equal(image, KIDNEY[first:last].transpose(2, 1, 0))
        np.testing.assert_array_equal(read_volume(found[name]["label"])[1], image > 30000)
        highest = KIDNEY.max() if "1" in name[:8] else KIDNEY[:3].max()
        assert info.intensity_range == (0, highest)
        assert info.voxel_size == pytest.approx([0.05 if "1" in name[:8] else 0.05016] * 3)
    assert "kidney_2: is not taken" in caplog.text


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda train: (train / "kidney_1_dense" / "labels" / "0002.tif").unlink(), "slice 0002 is missing"),
        (lambda train: (train / "kidney_3_sparse" / "images" / "0497.tif").unlink(), "0497.tif: no such file"),
        (lambda train: (train / "kidney_1_dense" / "images" / "0003.tif").write_bytes(b"II*"), "0003.tif: cannot be"),
        (
            lambda train: tifffile.imwrite(
                train / "kidney_1_dense" / "images" / "0003.tif", np.zeros((4, 9), np.uint16)
            ),
            "0003.tif: holds uint16",
        ),
        (
            lambda train: tifffile.imwrite(
                train / "kidney_1_dense" / "images" / "0001.tif", np.zeros((4, 3), np.float32)
            ),
            "0001.tif: holds float32",
        ),
    ],
)
def test_what_is_missing_or_wrong(published, tmp_path, spoil, words):
    spoil(published / "train")
    with pytest.raises((OSError, ValueError), match=words):
        import_dataset(published, tmp_path / "dataset", kind="hip_ct")
    assert not (tmp_path / "dataset").exists()


def test_nothing_of_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no folder train/kidney_1_dense/labels"):
        import_dataset(tmp_path, tmp_path.parent / "dataset", kind="hip_ct")
