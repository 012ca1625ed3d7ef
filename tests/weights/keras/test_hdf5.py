"""HDF5 files that reach outside themselves."""

import h5py
import numpy as np
import pytest

from scripts.weights.keras.hdf5 import UserError, array_shapes, open_hdf5, read_floats

ONES = np.ones((2, 3), np.float32)


@pytest.fixture
def secret(tmp_path):
    """Another file of numbers."""
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = ONES
    return tmp_path / "secret.h5"


def test_what_the_file_itself_holds_is_read(tmp_path):
    """A loop of links and a link within the file lead nowhere else."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["deep/x"] = ONES
        file["y"] = h5py.SoftLink("/deep/x")
        file["deep/loop"] = file["/"]
    with open_hdf5(path) as file:
        for name in ("deep/x", "y"):
            np.testing.assert_array_equal(read_floats(path, file, name, (2, 3)), ONES)


@pytest.mark.parametrize("place", ["x", "deep/down/x"])
def test_a_link_to_another_file(secret, tmp_path, place):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file[place] = h5py.ExternalLink(secret.name, "/x")
    with pytest.raises(ValueError, match=rf"a\.h5: its '{place}' leads to another file 'secret\.h5'"), open_hdf5(path):
        pytest.fail("it was opened")


def test_numbers_in_another_file(secret, tmp_path):
    path, raw = tmp_path / "a.h5", tmp_path / "raw"
    raw.write_bytes(ONES.tobytes())
    layout = h5py.VirtualLayout(shape=ONES.shape, dtype=np.float32)
    layout[:] = h5py.VirtualSource(secret, "x", shape=ONES.shape)
    with h5py.File(path, "w") as file:
        file.create_dataset("raw", ONES.shape, np.float32, external=[(raw.name, 0, h5py.h5f.UNLIMITED)])
        file.create_virtual_dataset("virtual", layout)
    with open_hdf5(path) as file:
        for name in ("raw", "virtual"):
            with pytest.raises(ValueError, match=f"the numbers of {name} lie in another file"):
                read_floats(path, file, name, ONES.shape)


def test_names_that_are_no_text_and_arrays_without_shape(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file[b"\xff\xfe"] = ONES
        file["empty"] = h5py.Empty("f4")
    with open_hdf5(path) as file:
        assert array_shapes(path, file) == {"\ufffd\ufffd": (2, 3), "empty": ()}


def test_more_entries_than_weights_have(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(6000):
            file.create_group(str(number))
    with pytest.raises(UserError, match="holds more than 5000 entries"), open_hdf5(tmp_path / "a.h5"):
        pytest.fail("it was opened")


@pytest.mark.parametrize("error", [UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), KeyError("x"), TypeError("no")])
def test_whatever_h5py_makes_of_damage_is_one_line(error, tmp_path, monkeypatch):
    """Flipped bits end in any of these, somewhere within the library."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = ONES
    with open_hdf5(path) as file:
        monkeypatch.setattr(h5py.Dataset, "dtype", property(lambda self: (_ for _ in ()).throw(error)))
        with pytest.raises(UserError, match=r"a\.h5: is damaged \(.*copy it again") as info:
            read_floats(path, file, "x", (2, 3))
    assert info.value.__context__ is error


def test_an_array_without_numbers(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (100_000, 100_000), np.float32, chunks=True)  # 40 GB that nobody wrote
    with open_hdf5(path) as file, pytest.raises(ValueError, match="x was never written"):
        read_floats(path, file, "x", (100_000, 100_000))
