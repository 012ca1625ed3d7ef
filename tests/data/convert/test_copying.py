"""Volumes of a published data set become a dataset, whole or not at all; what is incomplete is refused."""

import numpy as np
import pytest

from scripts.data.convert.kinds import import_dataset
from scripts.io import read_volume, write_volume
from tests.helpers.bundle_command import contents
from tests.helpers.volume_examples import told


@pytest.fixture
def published(tmp_path):
    """The dataset as it is when unpacked, with two small volumes."""
    for name, shape in (("CT tumour", (8, 9, 10)), ("OCTA_v2.1", (12, 6, 5))):
        voxels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
        write_volume(tmp_path / "data" / "Image data" / f"{name}.tif", voxels)
        write_volume(tmp_path / "data" / "Labels" / f"{name}_labels.tif", (voxels > 99).astype(np.uint8))
    (tmp_path / "data" / "readme.txt").write_text("CC-BY")
    return tmp_path / "data"


def refused(kind, published, dataset, path, *words):
    """The line says these words about `path`, and nothing has changed."""
    before = contents(dataset.parent)
    with pytest.raises(kind) as info:
        import_dataset(published, dataset)
    assert contents(dataset.parent) == before
    told(info, path, *words)


def test_what_is_incomplete(published, tmp_path):
    images, labels, dataset = published / "Image data", published / "Labels", tmp_path / "dataset"
    refused(FileNotFoundError, labels, dataset, labels / "Image data", "no such folder", "Labels/")
    (labels / "CT tumour_labels.tif").rename(labels / "MRI_labels.tif")
    refused(FileNotFoundError, published, dataset, images / "CT tumour.tif", "has no label", "download it")
    (images / "CT tumour.tif").unlink()
    refused(FileNotFoundError, published, dataset, labels / "MRI_labels.tif", "has no image", "download it")


def test_a_pair_that_does_not_fit(published, tmp_path):
    label = published / "Labels" / "CT tumour_labels.tif"
    write_volume(label, np.zeros((8, 9, 11), np.uint8))
    refused(ValueError, published, tmp_path / "dataset", label, "(8, 9, 11)", "align them")


def test_what_is_there_already_stays(published, tmp_path):
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "mine.txt").write_text("work")
    refused(FileExistsError, published, tmp_path / "dataset", tmp_path / "dataset", "another --output_dir")


def test_a_dataset_within_the_data_set(published):
    for place in ("dataset", "Labels/dataset"):
        with pytest.raises(ValueError, match="lies in the dataset itself"):
            import_dataset(published, published / place)


def test_a_copy_that_fails_leaves_nothing(published, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr("scripts.data.convert.copying.shutil.copyfile", full)
    refused(OSError, published, tmp_path / "dataset", tmp_path / "dataset", "No space left on device", "choose another")


def test_a_disk_without_room(published, tmp_path, monkeypatch):
    usage = type("usage", (), {"free": 100})
    monkeypatch.setattr("scripts.data.convert.copying.shutil.disk_usage", lambda folder: usage)
    refused(OSError, published, tmp_path / "dataset", tmp_path / "dataset", "make room")


def test_labels_that_are_made_anew_state_the_place_of_their_images(tmp_path, caplog):
    data = tmp_path / "data"
    image, label = np.zeros((6, 5, 4), np.uint8), np.zeros((6, 5, 4), np.uint8)
    label[2:4, 1, 3] = 255
    write_volume(data / "raw" / "mv01.nii.gz", image, voxel_size=(1, 1, 5), unit="µm")
    write_volume(data / "seg" / "mv01_y.nii.gz", label, voxel_size=(1, 1, 1), unit="mm")
    dataset = import_dataset(data, tmp_path / "dataset", kind="minivess")
    info, found = read_volume(dataset / "labels" / "mv01.nii.gz")
    np.testing.assert_array_equal(found, label > 0)
    assert info.voxel_size == pytest.approx((0.001, 0.001, 0.005))
    assert "another place than its image's" in caplog.text
