import logging
import os
import tempfile
from collections import namedtuple

import numpy as np
import pytest

from scripts.io import open_volume, read_volume
from scripts.io.nifti import opened
from tests.helpers.volume_examples import nifti, positions, told

BOX = ((0, 5), (1, 3), (1, 3))


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_compressed_file_is_unpacked_once_and_removed_when_closed(tmp_path, temporary):
    path = nifti(tmp_path / "a.nii.gz")
    with open_volume(path) as volume:
        (folder,) = temporary.iterdir()
        path.rename(tmp_path / "b.nii.gz")  # it is not read again
        np.testing.assert_array_equal(volume.read(BOX), positions()[:, 1:3, 1:3])
        if not (child := os.fork()):  # a worker that ends removes nothing
            volume.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert folder.is_dir()
        np.testing.assert_array_equal(volume.read(BOX), positions()[:, 1:3, 1:3])
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("bound", [1, 2**28])
def test_only_what_takes_noticeable_room_is_told_of(tmp_path, temporary, monkeypatch, caplog, bound):
    monkeypatch.setattr(opened, "TOLD", bound)
    path = nifti(tmp_path / "a.nii.gz")
    with caplog.at_level(logging.INFO):
        open_volume(path).close()
    told_of = f"{path}: unpacked into {temporary}, where it takes up to 0 MB until it is done"
    assert (told_of in caplog.text) == (bound == 1)


def test_it_is_removed_with_the_volume_too(tmp_path, temporary):
    volume = open_volume(nifti(tmp_path / "a.nii.gz"))
    assert len(list(temporary.iterdir())) == 1
    del volume
    assert not list(temporary.iterdir())


def test_slabs_of_planes_are_the_whole(tmp_path, monkeypatch):
    """Of a channel that is not the first, in slabs of two planes and chunks that do not divide it."""
    array = np.random.default_rng(0).integers(-999, 999, (70, 90, 7, 3)).astype(np.int16)
    path = nifti(tmp_path / "a.nii.gz", array=array, slope=(0.5, 3))
    monkeypatch.setattr(opened, "MAX_SLAB", 2 * 70 * 90 * 2 + 5)
    monkeypatch.setattr(opened, "CHUNK", 64 * 64 * 2)
    with open_volume(path, 1) as volume:
        assert volume.chunks == (64, 64, 2)
        whole = read_volume(path, 1)[1]
        np.testing.assert_array_equal(volume.read(((0, 70), (0, 90), (0, 7))), whole)
        np.testing.assert_array_equal(volume.read(((3, 69), (60, 70), (1, 6))), whole[3:69, 60:70, 1:6])


def test_a_full_disk_is_told_first(tmp_path, temporary, monkeypatch):
    path = nifti(tmp_path / "a.nii.gz")
    disk = namedtuple("disk", "free")
    monkeypatch.setattr(opened.shutil, "disk_usage", lambda folder: disk(119))
    with pytest.raises(OSError, match="are free") as error:
        open_volume(path)
    told(error, path, str(temporary), "TMPDIR")
    monkeypatch.setattr(opened.shutil, "disk_usage", lambda folder: disk(120))
    open_volume(path).close()


@pytest.mark.parametrize("keep", [0.5, 0.9, -1])
def test_a_file_cut_short_leaves_nothing(tmp_path, temporary, keep):
    path = nifti(tmp_path / "a.nii.gz", array=np.random.default_rng(0).integers(0, 9, (20, 20, 20)).astype("u1"))
    content = path.read_bytes()
    path.write_bytes(content[: keep if keep < 0 else int(keep * len(content))])
    with pytest.raises(ValueError, match=r"a\.nii\.gz") as error:
        open_volume(path)
    told(error, path)
    assert not list(temporary.iterdir())


def test_scaled_values_beyond_all_numbers(tmp_path):
    array = positions(dtype="f4") * np.float32(1e36)
    path = nifti(tmp_path / "a.nii", array=array, slope=(100.0, 0.0))
    with open_volume(path) as volume:
        assert volume.read(((0, 1), (0, 1), (0, 1))).shape == (1, 1, 1)
        with pytest.raises(ValueError, match="too large") as error:
            volume.read(((0, 5), (0, 4), (0, 3)))
    told(error, path)
