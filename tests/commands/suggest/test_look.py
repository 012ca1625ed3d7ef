import numpy as np
import pytest

from scripts.commands.suggest.look import Looker, suffix_of_blocks
from scripts.commands.suggest.record import SuggestRecord
from scripts.io import open_volume, read_volume, write_volume

BOXES = [((0, 16), (0, 16), (0, 16)), ((16, 32), (8, 24), (0, 16))]


@pytest.fixture
def looker(tmp_path, tiny_weights):
    image = np.random.default_rng(0).integers(0, 1000, (48, 32, 16)).astype(np.uint16)
    image[32:] = 7
    path = write_volume(tmp_path / "a.tif", image, voxel_size=(1, 1, 2), unit="µm")
    (tmp_path / "work").mkdir()
    with open_volume(path) as opened:
        record = SuggestRecord.of(tmp_path / "out", opened.info, None, 0)
        yield Looker(opened, record, tmp_path / "work", tiny_weights, device="cpu")


def test_intensities_are_those_of_the_whole_and_looked_up_once(looker, tmp_path):
    ((_, found),) = looker.record.scaling.items()
    assert (found["low"], found["high"]) == (0, 999)
    looker.record.scaling = {name: {**each, "high": 5000} for name, each in looker.record.scaling.items()}
    assert looker._scaling(looker.workflow).high == 5000


def test_views_differ_and_blocks_without_contrast_are_left_out(looker):
    found = looker.describe([*BOXES, ((32, 48), (0, 16), (0, 16))], 5)
    assert [each.box for each in found] == BOXES
    assert all(each.uncertainty > 0 for each in found)
    assert len(looker.describe(BOXES, 1)) == 1


def test_what_is_written_is_what_the_whole_volume_has_there(looker, tmp_path, tiny_weights):
    first, second = looker.write(list(zip(BOXES, (0.6, 0.4), strict=True)))
    assert (first.name, second.name, first.score, second.box) == ("a_0_0_0", "a_16_8_0", 0.6, BOXES[1])
    _, whole = read_volume(tmp_path / "a.tif")
    for block in (first, second):
        image, voxels = read_volume(looker.record.folder / block.image)
        (x, y, z) = block.box
        assert np.array_equal(voxels, whole[slice(*x), slice(*y), slice(*z)])
        assert (image.intensity_range, image.unit) == ((0, 999), "µm")
        info, found = read_volume(looker.record.folder / block.segmentation)
        assert found.shape == voxels.shape
        assert set(np.unique(found)) <= {0, 1}
        assert info.provenance["weights"] == "tiny.pt"


@pytest.mark.parametrize(
    ("name", "suffix"), [("a.tif", ".tif"), ("a.nii.gz", ".nii.gz"), ("a.ome.zarr", ".ome.tif"), ("a.czi", ".ome.tif")]
)
def test_blocks_are_files_that_people_can_open(tmp_path, name, suffix):
    assert suffix_of_blocks(tmp_path / name) == suffix
