import numpy as np
import pytest
import tifffile

from scripts.io import memory, open_volume, read_header, read_volume
from tests.helpers.volume_examples import SHAPE, imagej, nifti, npy, ome, plain, positions, told

MAKE = {"a.tif": imagej, "a.ome.tif": ome, "b.tif": plain, "a.nii": nifti, "a.nii.gz": nifti, "a.npy": npy}


@pytest.mark.parametrize("name", MAKE)
def test_a_volume_larger_than_the_memory_is_told_before_it_is_read(tmp_path, monkeypatch, name):
    path = MAKE[name](tmp_path / name)
    nbytes = read_header(path).nbytes
    monkeypatch.setattr(memory, "free_memory", lambda: nbytes - 1)
    with pytest.raises(MemoryError, match="are free") as error:
        read_volume(path)
    told(error, path, "its voxels take 0.0 GB of memory", "cut it into blocks")
    assert read_header(path).nbytes == nbytes  # which takes no memory
    with open_volume(path) as volume:
        np.testing.assert_array_equal(volume.read(((1, 3), (0, 4), (1, 2))), positions()[1:3, :, 1:2])
    for enough in (nbytes, None):  # None where nobody knows
        monkeypatch.setattr(memory, "free_memory", lambda enough=enough: enough)
        assert read_volume(path)[1].shape == SHAPE


def four(path):
    """Save four channels; the voxels of each are one more than those of the one before."""
    array = np.stack([positions() + channel for channel in range(4)])  # (C, X, Y, Z)
    if path.suffix == ".npy":
        np.save(path, array)
        return path
    if path.name.endswith((".nii", ".gz")):
        return nifti(path, array=np.moveaxis(array, 0, -1))
    if path.name.startswith("colours"):
        tifffile.imwrite(path, array.transpose(3, 2, 1, 0).copy(), photometric="rgb", extrasamples=["unassalpha"])
        return path
    zcyx = array.transpose(3, 0, 2, 1).copy()
    truncate = path.name.startswith("one_page")
    tifffile.imwrite(path, zcyx, imagej=True, metadata={"axes": "ZCYX"}, photometric="minisblack", truncate=truncate)
    return path


@pytest.mark.parametrize(
    ("name", "times"),
    [("a.tif", 1), ("a.nii", 1), ("a.nii.gz", 1), ("a.npy", 1), ("one_page.tif", 4), ("colours.tif", 4)],
)
def test_only_what_is_read_counts(tmp_path, monkeypatch, name, times):
    path = four(tmp_path / name)
    nbytes = times * read_header(path, 1).nbytes
    monkeypatch.setattr(memory, "free_memory", lambda: nbytes - 1)
    with pytest.raises(MemoryError, match="are free"):
        read_volume(path, 1)
    monkeypatch.setattr(memory, "free_memory", lambda: nbytes)
    np.testing.assert_array_equal(read_volume(path, 1)[1], positions() + 1)
