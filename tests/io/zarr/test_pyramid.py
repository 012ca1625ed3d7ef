import numpy as np
import pytest
import zarr

from scripts.io.zarr.pyramid import blocks_of, factors_of, fill_level, halved


@pytest.mark.parametrize(
    ("shape", "voxel_size", "factors"),
    [
        ((256, 256, 256), (1, 1, 1), (1, 1, 1)),  # small enough
        ((257, 9, 9), (1, 1, 1), (2, 2, 2)),
        ((15, 512, 512), (5.0, 1.0, 1.0), (1, 2, 2)),  # Z is coarser
        ((15, 512, 512), (5.0, 4.0, 4.0), (2, 2, 2)),  # now about as fine
        ((15, 512, 512), (1.5, 1.0, 1.0), (1, 2, 2)),
        ((1, 512, 512), (0.1, 1.0, 1.0), (1, 2, 2)),  # nothing to halve along Z, however fine
        ((1, 1, 512), (1.0, 1.0, 9.0), (1, 1, 2)),
    ],
)
def test_the_axes_with_the_finest_voxels_are_halved(shape, voxel_size, factors):
    assert factors_of(shape, voxel_size) == factors


def test_each_second_voxel_or_the_mean_of_two():
    array = np.array([[0, 1, 2, 3, 4], [10, 11, 12, 13, 14]], np.float32)
    np.testing.assert_array_equal(halved(array, (1, 2), False), [[0, 2, 4], [10, 12, 14]])
    np.testing.assert_array_equal(halved(array, (1, 2), True), [[0.5, 2.5, 4], [10.5, 12.5, 14]])
    np.testing.assert_array_equal(halved(array, (2, 2), True), [[5.5, 7.5, 9]])
    assert halved(array, (2, 2), True).dtype == np.float32


@pytest.mark.parametrize("mean", [False, True])
def test_a_level_made_in_blocks_is_that_made_at_once(tmp_path, monkeypatch, mean):
    monkeypatch.setattr("scripts.io.zarr.pyramid._BLOCK", 100)
    array = np.random.default_rng(0).random((11, 7, 9)).astype(np.float32)
    finer = zarr.create_array(str(tmp_path / "0"), data=array, chunks=(4, 3, 5))
    coarser = zarr.create_array(str(tmp_path / "1"), shape=(6, 7, 5), dtype="f4", chunks=(2, 3, 2))
    fill_level(finer, coarser, (2, 1, 2), mean)
    np.testing.assert_array_equal(coarser[:], halved(array, (2, 1, 2), mean))


def test_channels_are_not_mixed(tmp_path):
    array = np.arange(2 * 4 * 4 * 4).reshape(2, 4, 4, 4).astype(np.float32)
    finer = zarr.create_array(str(tmp_path / "0"), data=array, chunks=(1, 2, 2, 2))
    coarser = zarr.create_array(str(tmp_path / "1"), shape=(2, 2, 2, 2), dtype="f4", chunks=(1, 2, 2, 2))
    fill_level(finer, coarser, (2, 2, 2), True)
    np.testing.assert_allclose(coarser[:], array.reshape(2, 2, 2, 2, 2, 2, 2).mean((2, 4, 6)))


@pytest.mark.parametrize("limit", [1, 13, 50, 10**6])
def test_blocks_cover_the_array_once_in_whole_chunks(limit):
    shape, chunks = (7, 5, 11), (2, 3, 4)
    seen = np.zeros(shape, int)
    for block in blocks_of(shape, chunks, limit):
        seen[block] += 1
        for part, chunk, length in zip(block, chunks, shape, strict=True):
            assert part.start % chunk == 0
            assert part.stop % chunk == 0 or part.stop == length
        assert limit < 24 or np.prod([part.stop - part.start for part in block]) <= limit
    assert (seen == 1).all()
