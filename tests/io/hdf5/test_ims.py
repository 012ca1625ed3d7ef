import h5py
import numpy as np
import pytest

from scripts.io import open_volume, read_header, read_volume
from tests.helpers.volume_examples import SHAPE, positions, told, zyx
from tests.io.hdf5.examples import ims, letters
from tests.io.zarr.examples import many


def test_what_fills_up_the_chunks_is_cut_off(tmp_path):
    path = ims(tmp_path / "a.ims")
    info, voxels = read_volume(path)
    np.testing.assert_array_equal(voxels, positions())
    assert (info.kind, info.unit, info.axes, info.shape) == ("ims", "µm", "TCZYX", SHAPE)
    np.testing.assert_allclose(info.voxel_size, np.array([0.5, 0.25, 2.0]) / 1000)
    with open_volume(path) as volume:
        assert volume.chunks == (2, 2, 2)
        np.testing.assert_array_equal(volume.read(((3, 5), (0, 4), (2, 3))), positions()[3:, :, 2:])
        with pytest.raises(IndexError):
            volume.read(((3, 6), (0, 4), (2, 3)))


def test_levels_have_voxels_of_their_own(tmp_path):
    path = ims(tmp_path / "a.ims", levels=2)
    info, voxels = read_volume(path, level=1)
    np.testing.assert_array_equal(voxels, positions()[::2, ::2])
    np.testing.assert_allclose(info.voxel_size, np.array([2.5 / 3, 0.5, 2.0]) / 1000)
    assert info.levels == 2
    with pytest.raises(ValueError, match="level 2 does not exist") as error:
        read_header(path, level=2)
    told(error, path, "--level 0..1")


def test_channels_and_time_points(tmp_path):
    path = ims(tmp_path / "a.ims", many()[None])
    np.testing.assert_array_equal(read_volume(path, 2)[1], positions() + 2)
    with pytest.raises(ValueError, match="3 channels and not one"):
        read_header(path)
    path = ims(tmp_path / "b.ims", many()[:, None])
    np.testing.assert_array_equal(read_volume(path, 1)[1], positions() + 1)
    path = ims(tmp_path / "c.ims", np.stack([many(), many()]))
    with pytest.raises(ValueError, match="several volumes lie along both"):
        read_header(path, 1)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("ImageSizeX", 99, "99"),
        ("ImageSizeX", 0, "states"),
        ("ImageSizeX", "five", "five as ImageSizeX"),
        ("ImageSizeX", 4.5, "4.5 as ImageSizeX"),
        ("ImageSizeX", None, "nothing as ImageSizeX"),
        ("ExtMax0", -1, "no size"),
        ("ExtMax0", "nan", "nan as ExtMax0"),
    ],
)
def test_sizes_that_cannot_be(tmp_path, name, value, word):
    path = ims(tmp_path / "a.ims")
    with h5py.File(path, "a") as file:
        image = name.startswith("Ext")
        attributes = file["DataSetInfo/Image" if image else "DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"].attrs
        del attributes[name]
        if value is not None:
            attributes[name] = letters(value)
    with pytest.raises(ValueError, match=r"a\.ims") as error:
        read_header(path)
    told(error, path, word)


def test_no_image_of_imaris_and_no_extent(tmp_path):
    with h5py.File(tmp_path / "a.ims", "w") as file:
        file["data"] = zyx(positions())
    with pytest.raises(ValueError, match="no image of Imaris") as error:
        read_header(tmp_path / "a.ims")
    told(error, tmp_path / "a.ims")
    path = ims(tmp_path / "b.ims")
    with h5py.File(path, "a") as file:
        del file["DataSetInfo"]
    info = read_header(path)
    assert info.unit == ""
    np.testing.assert_array_equal(info.affine, np.eye(4))


def test_the_unit_is_the_file_s(tmp_path):
    info = read_header(ims(tmp_path / "a.ims", unit="mm"))
    assert info.unit == "mm"
    np.testing.assert_allclose(info.voxel_size, (0.5, 0.25, 2.0))
