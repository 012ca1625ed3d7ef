"""A broken image or label among several is left out of an evaluation, and told; alone it is refused."""

import numpy as np
import pytest
from monai.transforms import Compose, LoadImaged

from scripts.data import ScoredVolumes, find_scored, label_values
from scripts.io import VolumeReader, write_volume

SHAPE = (6, 5, 4)


@pytest.fixture
def dataset(tmp_path):
    """Five volumes: two whole, a label cut short, one of another shape, and an image with a NaN."""
    label = np.zeros(SHAPE, np.uint8)
    label[2:4] = 255
    for name in ("a", "cut", "nan", "other", "z"):
        image = label.astype(np.float32) + np.arange(SHAPE[2], dtype=np.float32)
        image[0, 0, 0] = np.nan if name == "nan" else 0
        (tmp_path / "images").mkdir(exist_ok=True)
        np.save(tmp_path / "images" / f"{name}.npy", image)
        write_volume(tmp_path / "labels" / f"{name}.npy", label[1:] if name == "other" else label)
    cut = tmp_path / "labels" / "cut.npy"
    cut.write_bytes(cut.read_bytes()[:-10])
    return tmp_path


def test_broken_labels_are_left_out(dataset, caplog):
    volumes = find_scored(dataset)
    assert [volume["name"] for volume in volumes] == ["a", "cut", "nan", "other", "z"]
    failed = {volume["name"]: volume["failed"] for volume in volumes if "failed" in volume}
    assert set(failed) == {"cut", "other"}
    assert f"{dataset / 'labels' / 'cut.npy'}: it is cut short" in failed["cut"]
    assert failed["other"].startswith(f"{dataset / 'labels' / 'other.npy'}: has (5, 5, 4) voxels")
    assert caplog.messages == [f"left out: {line}" for line in failed.values()]
    assert label_values(volumes, training=False) == [0, 255]


def test_what_cannot_be_loaded_has_nothing_labelled(dataset):
    keys = ["image", "label"]
    load = Compose([LoadImaged(keys, reader=VolumeReader(), ensure_channel_first=True)])
    loaded = list(ScoredVolumes(find_scored(dataset), transform=load, cache_rate=0.0))
    assert [item["name"] for item in loaded] == ["a", "cut", "nan", "other", "z"]
    assert [item["name"] for item in loaded if "failed" in item] == ["cut", "nan", "other"]
    assert "1 voxels are NaN or infinite" in loaded[2]["failed"]
    assert all((item["label"] >= 0).any() != ("failed" in item) for item in loaded)
    alone = ScoredVolumes(find_scored(dataset)[2:3], transform=load, cache_rate=0.0)
    with pytest.raises(RuntimeError, match="applying"):
        alone[0]


def test_if_all_are_broken_they_are_refused(dataset):
    for folder in ("images", "labels"):
        for name in ("a", "nan", "z"):
            (dataset / folder / f"{name}.npy").unlink()
    with pytest.raises(ValueError, match=r"cut short.*\(and 1 more file, listed above\)"):
        find_scored(dataset)
    for folder in ("images", "labels"):
        (dataset / folder / "other.npy").unlink()
    with pytest.raises(ValueError, match="cut short"):
        find_scored(dataset)
