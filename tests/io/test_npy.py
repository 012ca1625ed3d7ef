import numpy as np
import pytest

from scripts.io.npy import read_npy, read_npy_header, write_npy
from scripts.io.volume import Geometry
from tests.helpers.volume_examples import SHAPE, positions, told


@pytest.mark.parametrize("dtype", ["u1", ">u2", "<i4", "f2", ">f8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_xyz(tmp_path, dtype, order):
    array = np.asarray(positions().astype(dtype), order=order)
    np.save(tmp_path / "a.npy", array)
    info, voxels = read_npy(tmp_path / "a.npy")
    assert (info.shape, info.unit) == (SHAPE, "")
    assert voxels.dtype.isnative
    np.testing.assert_array_equal(voxels, array)


def test_a_channel_is_chosen(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.stack([positions() * 0, positions()]))
    np.testing.assert_array_equal(read_npy(path, 1)[1], positions())
    with pytest.raises(ValueError, match="--channel") as error:
        read_npy_header(path)
    told(error, path, "axes CXYZ", "0..1")


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.array([[[{}]]], dtype=object), "never unpickled"),
        (np.zeros((5, 4)), "2 axes"),
        (np.zeros((1, 1, 5, 4, 3)), "5 axes"),
        (np.zeros((5, 4, 3), "c8"), "complex64"),
        (np.zeros((5, 4, 3), [("r", "u1")]), "r"),
        (np.zeros((5, 0, 3)), "empty"),
        (np.zeros((5, 4, 1)), "axis Z has length 1"),
    ],
)
def test_what_is_not_a_volume_is_told(tmp_path, array, word):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(ValueError, match="npy") as error:
        read_npy(tmp_path / "a.npy")
    told(error, tmp_path / "a.npy", word)


@pytest.mark.parametrize("length", [20, 100, 140])
def test_cut_short(tmp_path, length):
    path = tmp_path / "a.npy"
    np.save(path, positions())
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match="npy") as error:
        read_npy_header(path)
    told(error, path)


def test_written_as_is_and_without_a_place_for_a_range(tmp_path):
    write_npy(tmp_path / "a.npy", positions(), Geometry(np.eye(4)), {})
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), positions())
    with pytest.raises(ValueError, match="intensity range"):
        write_npy(tmp_path / "b.npy", positions(), Geometry(np.eye(4)), {"intensity_range": [0, 1]})
