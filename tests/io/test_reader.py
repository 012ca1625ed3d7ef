import numpy as np
import pytest

from scripts.io import read_header, read_volume
from tests.helpers.volume_examples import SHAPE, imagej, nifti, npy, ome, plain, positions, told

MAKE = {"a.tif": imagej, "a.ome.tif": ome, "b.tif": plain, "a.nii": nifti, "a.nii.gz": nifti, "a.npy": npy}


@pytest.mark.parametrize("name", MAKE)
def test_header_and_volume_agree(tmp_path, name):
    path = MAKE[name](tmp_path / name)
    info, voxels = read_volume(path)
    header = read_header(str(path))
    np.testing.assert_array_equal(voxels, positions())
    assert (header.shape, header.dtype, header.nbytes) == (info.shape, voxels.dtype, voxels.nbytes)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("make", [plain, nifti, None])
def test_not_a_number(tmp_path, value, make):
    array = positions(dtype="f4")
    array[3, 1, 2] = array[4, 3, 2] = value
    path = tmp_path / {plain: "a.tif", nifti: "a.nii.gz", None: "a.npy"}[make]
    if make is None:
        np.save(path, array)
    else:
        make(path, array=array.transpose(2, 1, 0) if make is plain else array)
    with pytest.raises(ValueError, match="NaN") as error:
        read_volume(path)
    told(error, path, "2 voxels", "x=3, y=1, z=2")
    assert read_header(path).shape == SHAPE  # not seen by a header


@pytest.mark.parametrize("channel", ["1", True, 1.0])
def test_a_channel_is_a_whole_number(tmp_path, channel):
    path = ome(tmp_path / "a.ome.tif", array=np.stack([np.zeros((3, 4, 5)), np.ones((3, 4, 5))]), axes="CZYX")
    with pytest.raises(ValueError, match="whole number") as error:
        read_header(path, channel)
    told(error, path)


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        read_header(tmp_path / "a.tif")
    told(error, tmp_path / "a.tif")
    with pytest.raises(FileNotFoundError, match="no such file") as error:
        read_header(tmp_path / "a.dcm")
    told(error, tmp_path / "a.dcm")
