"""Which resolution of a pyramid is read: of an image, of its label, and of what was segmented."""

import numpy as np
import pytest
from monai.transforms import LoadImage

from scripts.commands.pictures.outlines import draw_outlines
from scripts.data import checked_images, find_labelled, find_scored
from scripts.io import VolumeReader, level_of_label, read_header, read_volume, write_volume
from tests.helpers.volume_examples import npy, told, zyx
from tests.io.zarr.examples import ome_zarr

IMAGE = np.random.default_rng(0).integers(0, 200, (40, 32, 6)).astype(np.uint8)  # (X, Y, Z)
LABEL = (IMAGE > 150).astype(np.uint8)
COARSE = (slice(None, None, 2), slice(None, None, 2))


@pytest.fixture
def dataset(tmp_path):
    """Two pyramids: the label of `a` is one too, that of `b` was drawn on the coarser level."""
    for name in "ab":
        ome_zarr(tmp_path / "images" / f"{name}.ome.zarr", array=zyx(IMAGE), levels=2)
    ome_zarr(tmp_path / "labels" / "a.ome.zarr", array=zyx(LABEL), levels=2)
    coarse = read_header(tmp_path / "images" / "b.ome.zarr", level=1)
    write_volume(tmp_path / "labels" / "b.ome.zarr", LABEL[COARSE], coarse)
    return tmp_path


def test_a_label_is_read_at_the_level_of_its_image(dataset):
    assert [level_of_label(dataset / "labels" / f"{name}.ome.zarr", 1) for name in "ab"] == [1, 0]
    assert level_of_label(npy(dataset / "a.npy"), 1) == 0
    for find in (find_labelled, find_scored):
        volumes = find(dataset, level=1)
        assert [volume["shape"] for volume in volumes] == [(20, 16, 6)] * 2
        for volume in volumes:
            assert volume["scan"].count_vessel(volume["region"]) == LABEL[COARSE].sum()
            assert volume["header"].voxel_size == pytest.approx((0.001, 0.0005, 0.002))
    with pytest.raises(ValueError, match="align them") as error:
        find_labelled(dataset)  # at level 0, the label of b has too few voxels
    told(error, dataset / "labels" / "b.ome.zarr")


@pytest.mark.parametrize("name", ["a", "b"])
def test_monai_loads_the_level(dataset, name):
    image = LoadImage(reader=VolumeReader(level=1))(dataset / "images" / f"{name}.ome.zarr")
    label = LoadImage(reader=VolumeReader(level=1, label=True))(dataset / "labels" / f"{name}.ome.zarr")
    np.testing.assert_array_equal(image.numpy(), IMAGE[COARSE])
    np.testing.assert_array_equal(label.numpy(), LABEL[COARSE])
    np.testing.assert_allclose(image.affine, label.affine)


def test_an_image_without_the_level_is_told(dataset):
    write_volume(dataset / "images" / "c.tif", IMAGE)
    (item,) = [item for item in checked_images(dataset, level=1) if "failed" in item]
    assert "level 1 does not exist, the file holds 1 resolution" in item["failed"]


def test_what_was_segmented_of_a_level_is_drawn_on_it(dataset, tmp_path):
    """The segmentation is a pyramid as well, whose finest level is the one that was segmented."""
    info, _ = read_volume(dataset / "images" / "a.ome.zarr", level=1)
    for name in "ab":
        write_volume(dataset / "out" / f"{name}_seg.ome.zarr", LABEL[COARSE], info)
    draw_outlines(dataset, dataset / "out", level=1)
    assert sorted(path.name for path in (dataset / "out").glob("*.png")) == ["a_outlines.png", "b_outlines.png"]
    wide = ome_zarr(tmp_path / "wide" / "w.ome.zarr", array=np.zeros((6, 16, 600), np.uint8), levels=2)
    header = read_header(wide, level=1)
    segmentation = write_volume(tmp_path / "wide_out" / "w_seg.ome.zarr", np.zeros((300, 8, 6), np.uint8), header)
    assert read_header(segmentation).levels > 1
    draw_outlines(wide, tmp_path / "wide_out", level=1)
    assert (tmp_path / "wide_out" / "w_outlines.png").is_file()
