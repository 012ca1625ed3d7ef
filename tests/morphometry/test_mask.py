"""A mask by boxes: what is at points, wherever the boxes are cut."""

import numpy as np
import pytest

from scripts.core import slices
from scripts.morphometry import VesselMask


@pytest.mark.parametrize("block", [1, 7, 64, 10**6])
def test_what_is_at_points(block):
    rng = np.random.default_rng(0)
    voxels, points = rng.random((7, 8, 5)) > 0.5, rng.uniform(-1, 9, (200, 3)) * (2, 1, 0.5)
    mask = VesselMask.of(voxels, (2, 1, 0.5), block)
    nearest = np.clip(np.rint(points / (2, 1, 0.5)).astype(int), 0, (6, 7, 4))
    np.testing.assert_array_equal(mask.at(points), voxels[tuple(nearest.T)])


def test_blocks_fill_the_volume_once():
    mask = VesselMask.of(np.zeros((7, 8, 5), bool), (1, 1, 1), 30)
    count = np.zeros(mask.shape, int)
    for box in mask.blocks():
        assert mask.read(box).size <= 30
        count[slices(box)] += 1
    assert (count == 1).all()
