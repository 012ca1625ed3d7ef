from dataclasses import replace

import numpy as np
import pytest

from scripts.commands.suggest.write import RESULTS, suffix_of_blocks, write_blocks
from scripts.inference import Looker
from scripts.io import open_volume, read_volume, write_volume
from scripts.network import TubeNet
from scripts.weights import save_weights
from tests.helpers.bundle_command import TINY_CHANNELS

BOXES = [((0, 16), (0, 16), (0, 16)), ((16, 32), (8, 24), (0, 16))]


def test_what_is_written_is_what_the_whole_volume_has_there(tmp_path, tiny_weights):
    voxels = np.random.default_rng(0).integers(0, 1000, (48, 32, 16)).astype(np.uint16)
    path = write_volume(tmp_path / "a.tif", voxels, voxel_size=(1, 1, 2), unit="µm")
    work, out = tmp_path / "work", tmp_path / "out"
    work.mkdir()
    looker = Looker(tiny_weights, device="cpu", output_dir=str(work / RESULTS))
    with open_volume(path) as opened:
        scored = list(zip(BOXES, (0.6, 0.4), strict=True))
        first, second = write_blocks(out, opened, looker.scaling(opened), scored, looker, work)
    assert (first.name, second.name, first.score, second.box) == ("a_0_0_0", "a_16_8_0", 0.6, BOXES[1])
    for block in (first, second):
        image, found = read_volume(out / block.image)
        x, y, z = (slice(*bounds) for bounds in block.box)
        assert np.array_equal(found, voxels[x, y, z])
        assert (image.intensity_range, image.unit) == ((0, 999), "µm")
        info, label = read_volume(out / block.segmentation)
        assert label.shape == found.shape
        assert set(np.unique(label)) <= {0, 1}
        assert info.provenance["weights"] == "tiny.pt"


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.tif", ".tif"), ("a.nii.gz", ".nii.gz"), ("a.ome.zarr", ".ome.tif"), ("a.czi", ".ome.tif"), ("a.npy", ".tif")],
)
def test_blocks_are_files_that_people_can_open(tmp_path, name, suffix):
    assert suffix_of_blocks(tmp_path / name) == suffix


def test_dark_vessels_are_so_in_every_block(tmp_path, tiny_weights):
    """The whole says which way intensities run: a block of it may hold too little vessel to tell."""
    path = write_volume(tmp_path / "a.tif", np.random.default_rng(0).integers(0, 99, (32, 32, 16)).astype(np.uint8))
    work = tmp_path / "work"
    work.mkdir()
    looker = Looker(tiny_weights, device="cpu", output_dir=str(work / RESULTS))
    found = []
    with open_volume(path) as opened:
        for inverted in (False, True):
            scaling = replace(looker.scaling(opened), inverted=inverted)
            (block,) = write_blocks(tmp_path / str(inverted), opened, scaling, [(BOXES[0], 1.0)], looker, work)
            found.append(read_volume(tmp_path / str(inverted) / block.segmentation)[1])
    assert not np.array_equal(*found)


def test_of_several_classes_each_has_the_value_that_it_was_taught_by(tmp_path):
    network = TubeNet(channels=TINY_CHANNELS, out_channels=3)
    about = {"network": network.arguments, "normalisation": {"lower": 0.0, "upper": 100.0}, "threshold": 0.0}
    save_weights(tmp_path / "w.pt", network, {**about, "label_values": [0, 2, 7]})
    path = write_volume(tmp_path / "a.tif", np.random.default_rng(0).integers(0, 99, (32, 32, 16)).astype(np.uint8))
    work = tmp_path / "work"
    work.mkdir()
    looker = Looker(tmp_path / "w.pt", device="cpu", output_dir=str(work / RESULTS))
    with open_volume(path) as opened:
        (block,) = write_blocks(tmp_path, opened, looker.scaling(opened), [(BOXES[0], 1.0)], looker, work)
    assert set(np.unique(read_volume(tmp_path / block.segmentation)[1])) <= {2, 7}
