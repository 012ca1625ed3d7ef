"""The same voxels tell the same, in memory whichever way they lie there, and in boxes of any size."""

import numpy as np
import pytest

from scripts.transforms import seen
from scripts.transforms.seen import see, see_on_disk
from tests.helpers.volume_examples import HeldVolume

SHAPE = (23, 18, 13)
KINDS = ["uint8", "int8", "int16", "uint64", "float16", "float32", "float64", "bool", "longdouble"]
KINDS += ["no data", "all no data"]


def voxels_of(kind):
    rng = np.random.default_rng(5)
    if kind == "no data":
        return np.where(rng.random(SHAPE) < 0.3, np.float32(-3.4e38), rng.normal(3, 1, SHAPE)).astype(np.float32)
    if kind == "all no data":
        return np.where(rng.random(SHAPE) < 0.3, np.float32(-3.4e38), np.float32(2e30))
    if kind == "bool":
        return rng.random(SHAPE) < 0.3
    if kind == "longdouble":
        return rng.normal(3, 1, SHAPE).astype(np.longdouble)
    return (rng.normal(100, 20, SHAPE).clip(1, 250) - 120 * (np.dtype(kind).kind != "u")).astype(kind)


@pytest.mark.parametrize("most", [2**24, 1000, 7], ids=["all", "some", "few"])
@pytest.mark.parametrize("kind", KINDS)
def test_boxes_tell_what_the_whole_tells(kind, most, monkeypatch):
    monkeypatch.setattr(seen, "MAX_SORTED", most)
    monkeypatch.setattr(seen, "AT_ONCE", 300)
    voxels = voxels_of(kind)
    expected = see(voxels)
    assert len(expected.drawn) == min(voxels.size, most)
    assert (expected.lowest, expected.highest) == (voxels.min(), voxels.max())
    for turned in (np.asfortranarray(voxels), voxels[None]):
        found = see(turned)
        np.testing.assert_array_equal(found.drawn, expected.drawn)
    for chunks, block in (((4, 4, 4), 64), ((23, 18, 1), 1000), ((1, 5, 7), 300), ((64, 64, 64), 2**26)):
        monkeypatch.setattr(seen, "BLOCK", block * np.dtype(seen.as_numbers(voxels).dtype).itemsize)
        done = []
        found = see_on_disk(HeldVolume(voxels, chunks), done.append)
        assert (found.lowest, found.highest, found.there) == (expected.lowest, expected.highest, expected.there)
        np.testing.assert_array_equal(found.drawn, expected.drawn)
        assert found.drawn.dtype == expected.drawn.dtype
        assert sum(done) == voxels.size


def test_each_chunk_is_read_once(monkeypatch):
    monkeypatch.setattr(seen, "BLOCK", 500)
    held = HeldVolume(voxels_of("uint8"), (5, 4, 3))
    see_on_disk(held)
    for axis, chunk in enumerate(held.chunks):
        assert all(bounds[axis][0] % chunk == 0 for bounds in held.boxes)
    assert len(set(held.boxes)) == len(held.boxes) > 10


def test_what_no_data_leaves():
    voxels = voxels_of("no data")
    inside = voxels[voxels > -1e30]
    assert see(voxels).there == (inside.min(), inside.max())
    everything = see(voxels_of("all no data"))
    assert everything.there == (everything.lowest, everything.highest)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
def test_what_cannot_be_computed_with_is_refused_from_disk_too(bad):
    voxels = voxels_of("float64")
    voxels[20, 3, 2] = bad
    with pytest.raises(ValueError, match=r"^held\.tif: holds (nan|inf|1e\+39), which single"):
        see_on_disk(HeldVolume(voxels))
