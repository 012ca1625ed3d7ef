"""Ranges of volumes so large that not every voxel is looked at; smaller ones are in test_intensity.py."""

import numpy as np
import pytest

from scripts.io import read_volume, write_volume
from scripts.transforms import intensity_range, seen
from scripts.transforms.ranges import range_of
from scripts.transforms.seen import see, see_on_disk
from scripts.weights import ROBUST
from tests.helpers.volume_examples import HeldVolume

SHAPE = (40, 36, 32)


def noise():
    return np.random.default_rng(0).normal(100, 10, SHAPE).astype(np.float32)


def example(kind):
    voxels = noise()
    if kind == "filled":
        voxels[:8] = -9999
    elif kind == "no data":
        voxels[:, :20] = -3.4e38
    elif kind == "sparse":
        voxels = np.where(noise() > 137, voxels, 0)
    elif kind == "constant":
        voxels[:] = 3
    return voxels


@pytest.mark.parametrize("how", [{}, ROBUST, {"lower": 1, "upper": 99}, {"lower": 0, "upper": 99.5}], ids=str)
@pytest.mark.parametrize("kind", ["noise", "filled", "no data", "sparse", "constant"])
@pytest.mark.parametrize("most", [2**24, 2**13])
def test_the_range_of_a_volume_on_disk_is_that_in_memory(kind, how, most, monkeypatch):
    voxels = example(kind)
    exact = intensity_range(voxels, **how)
    monkeypatch.setattr(seen, "MAX_SORTED", most)
    expected = intensity_range(voxels, **how)
    for block, chunks in ((2**10, (4, 4, 4)), (2**14, (40, 36, 1)), (2**26, (8, 8, 8))):
        monkeypatch.setattr(seen, "BLOCK", block)
        assert range_of(see_on_disk(HeldVolume(voxels, chunks)), **how) == expected
    assert most < voxels.size or expected == exact
    assert kind != "filled" or not how or how["lower"] == 0 or expected[0] > 40


def test_no_voxel_may_be_drawn_that_is_not_no_data(monkeypatch):
    monkeypatch.setattr(seen, "MAX_SORTED", 100)
    voxels = np.full(SHAPE, -3.4e38, np.float32)
    voxels[3, 4, 5:7] = 2, 5
    assert not (see(voxels).drawn > 0).any()
    assert intensity_range(voxels, **ROBUST) == (2, 5)


def test_a_tiff_and_a_nifti_of_the_same_voxels_have_one_range(tmp_path, monkeypatch):
    """They lie in memory in opposite orders."""
    monkeypatch.setattr(seen, "MAX_SORTED", 2**12)
    read = [read_volume(write_volume(tmp_path / f"v.{end}", noise()))[1] for end in ("tif", "nii", "npy")]
    assert len({array.strides for array in read}) > 1
    assert len({intensity_range(array, **ROBUST) for array in read}) == 1
