import h5py
import numpy as np
import pytest

from scripts.io.hdf5 import stored
from scripts.io.hdf5.stored import CONTIGUOUS, StoredSet, names_of_sets
from tests.io.hdf5.examples import hdf5


def test_a_data_set_without_chunks_is_read_in_runs(tmp_path):
    for shape, chunks in (((3, 600, 500), (1, CONTIGUOUS // 500, 500)), ((2, 3, CONTIGUOUS * 2), (1, 1, CONTIGUOUS))):
        array = np.zeros(shape, np.uint8)
        found = StoredSet(hdf5(tmp_path / f"{shape[1]}.h5", array), "exported_data")
        assert (found.shape, found.chunks, found.dtype) == (shape, chunks, np.uint8)
        np.testing.assert_array_equal(found[1, 2:3], array[1, 2:3])
        found.close()


def test_circles_end_and_millions_of_names_are_not_listed(tmp_path, monkeypatch):
    path = hdf5(tmp_path / "a.h5", name="group/raw")
    with h5py.File(path, "a") as file:
        file["group/again"] = file["group"]
        file["soft"] = h5py.SoftLink("/group/raw")
        assert names_of_sets(path, file) == ["group/raw"]
        monkeypatch.setattr(stored, "_MAX_NAMES", 1)
        with pytest.raises(ValueError, match="more than 1 groups"):
            names_of_sets(path, file)
