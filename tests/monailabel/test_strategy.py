"""Which image to label next, by real weights on a folder of images."""

import numpy as np
import pytest

pytest.importorskip("monailabel", reason="make test-label runs this, in the environment of MONAI Label")

import shutil

from scripts.core import UserError, region_box
from scripts.io import write_volume
from scripts.monailabel.strategy import MostUnsure
from scripts.network import TubeNet
from scripts.weights import read_sidecar, save_weights
from tests.helpers.bundle_command import TINY_CHANNELS

SHAPE = (72, 64, 16)


class Folder:
    """As much of a datastore as a strategy asks for."""

    def __init__(self, folder):
        self.folder, self.labelled = folder, set()

    def list_images(self):
        return sorted(path.stem for path in self.folder.glob("*.tif"))

    def get_unlabeled_images(self, label_tag, labels):
        return [name for name in self.list_images() if name not in self.labelled]

    def get_image_uri(self, name):
        return str(self.folder / f"{name}.tif")


@pytest.fixture
def folder(tmp_path):
    noise = np.random.default_rng(0)
    for name in "abc":
        write_volume(tmp_path / "images" / f"{name}.tif", noise.integers(0, 200, SHAPE).astype(np.uint8))
    return Folder(tmp_path / "images")


@pytest.fixture
def weights(tmp_path, tiny_weights):
    for suffix in (".pt", ".json"):
        shutil.copy(tiny_weights.with_suffix(suffix), tmp_path / f"model{suffix}")
    return tmp_path / "model.pt"


def known(strategy, name):
    """What was found of an image."""
    ((_, blocks),) = [found for (path, _), found in strategy._known.items() if path.stem == name]
    return blocks


def test_an_image_and_the_region_to_look_at(folder, weights):
    found = MostUnsure(weights)({"strategy": "unsure"}, folder)
    assert found["id"] in "abc"
    assert region_box(found["region"], SHAPE)
    assert 0 < found["weight"] <= 1


def test_an_image_that_has_a_label_is_not_chosen_again(folder, weights):
    strategy, chosen = MostUnsure(weights), []
    while (found := strategy({}, folder)) is not None:
        chosen.append(found["id"])
        folder.labelled.add(found["id"])
    assert sorted(chosen) == ["a", "b", "c"]


def test_an_image_that_cannot_be_read_is_passed_over(folder, weights, caplog):
    for name in "ab":
        (folder.folder / f"{name}.tif").write_bytes(b"no image")
    assert MostUnsure(weights)({}, folder)["id"] == "c"
    assert "a: not looked at" in caplog.text
    (folder.folder / "c.tif").write_bytes(b"no image")
    strategy = MostUnsure(weights)
    assert strategy({}, folder)["id"] in "abc"  # whoever opens it is told why
    write_volume(folder.folder / "b.tif", np.random.default_rng(1).integers(0, 200, SHAPE).astype(np.uint8))
    assert strategy({}, folder)["id"] == "b"  # it was mended


def test_other_weights_look_again(folder, weights):
    strategy = MostUnsure(weights)
    strategy({}, folder)
    before = known(strategy, "a")
    strategy({}, folder)
    assert known(strategy, "a") is before
    network = TubeNet(channels=TINY_CHANNELS)
    save_weights(weights, network, {**read_sidecar(weights), "network": network.arguments})
    strategy({}, folder)
    assert known(strategy, "a")[0].uncertainty != before[0].uncertainty


def test_an_image_that_was_replaced_is_looked_at_again(folder, weights):
    strategy = MostUnsure(weights)
    strategy({}, folder)
    write_volume(folder.folder / "a.tif", np.random.default_rng(1).integers(0, 90, SHAPE).astype(np.uint16))
    before = known(strategy, "a")
    strategy({}, folder)
    assert known(strategy, "a")[0].features.tolist() != before[0].features.tolist()


def test_images_of_several_channels(folder, weights):
    for name in "abc":
        (folder.folder / f"{name}.tif").unlink()
        voxels = np.random.default_rng(0).integers(0, 200, (2, *SHAPE)).astype(np.uint8)
        write_volume(folder.folder / f"{name}.tif", voxels)
    assert "region" not in MostUnsure(weights)({}, folder)
    assert "region" in MostUnsure(weights)({"channel": 1}, folder)


def test_weights_that_are_not_there(folder, weights):
    strategy = MostUnsure(weights)
    weights.unlink()
    with pytest.raises(UserError, match=r"model\.pt: no such file; put it back"):
        strategy({}, folder)
