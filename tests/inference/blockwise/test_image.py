"""Boxes of images, scaled, padded and grown."""

import numpy as np

from scripts.inference.blockwise.image import ScaledImage, StoredImage, read_padded
from scripts.io import BlockArray, open_volume, write_volume
from scripts.transforms import scaling_of
from tests.inference.blockwise.examples import Held, whole

VOXELS = np.arange(60, dtype=np.float32).reshape(5, 4, 3)


def test_a_volume_is_scaled_by_the_range_of_the_whole(tmp_path):
    path = write_volume(tmp_path / "a.tif", VOXELS.astype(np.uint16))
    with open_volume(path) as volume:
        image = ScaledImage(volume, scaling_of(volume))
        assert image.shape == (5, 4, 3)
        np.testing.assert_allclose(image.read(((1, 3), (0, 4), (2, 3))), VOXELS[1:3, :, 2:] / 59, atol=1e-7)


def test_an_array_on_disk(tmp_path):
    array = BlockArray.create(tmp_path / "a.zarr", VOXELS.shape, np.float32, (4, 4, 4))
    array.write(whole(VOXELS.shape), VOXELS)
    assert np.array_equal(StoredImage(array).read(((4, 5), (1, 2), (0, 3))), VOXELS[4:, 1:2])


def test_beyond_the_far_ends_edge_values_go_on():
    padded = read_padded(Held(VOXELS), ((3, 7), (0, 4), (1, 4)))
    assert padded.shape == (4, 4, 3)
    assert np.array_equal(padded, np.pad(VOXELS, ((0, 2), (0, 0), (0, 1)), mode="edge")[3:, :, 1:])
