"""HDF5 files that reach outside themselves."""

import h5py
import numpy as np
import pytest

from scripts.hdf5_input import open_hdf5, read_floats

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
    with pytest.raises(ValueError, match=rf"a\.h5: its {place} leads to another file secret\.h5"), open_hdf5(path):
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


def test_an_array_without_numbers(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (100_000, 100_000), np.float32, chunks=True)  # 40 GB that nobody wrote
    with open_hdf5(path) as file, pytest.raises(ValueError, match="x was never written"):
        read_floats(path, file, "x", (100_000, 100_000))
