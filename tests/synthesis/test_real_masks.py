"""Blocks of a mask of one straight tube, whose radius is known before and after it is resized."""

import numpy as np
import pytest

from scripts.synthesis import synthesise
from scripts.synthesis.real_masks import block_of_mask

X, Y, Z = np.meshgrid(*(np.arange(n) for n in (120, 60, 60)), indexing="ij")
TUBE = ((Y - 30) ** 2 + (Z - 30) ** 2 <= 8**2).astype(np.uint8)


@pytest.mark.parametrize("seed", range(6))
def test_a_tube_stays_a_tube(seed):
    depth, brightness = block_of_mask(np.random.default_rng(seed), [TUBE], (40, 40, 40), 1.0, 0.3)
    assert depth.shape == brightness.shape == (40, 40, 40)
    assert depth.dtype == brightness.dtype == np.float32
    assert depth.min() == -1
    assert ((brightness > 0) == (depth > -1)).all()
    # the axis of a tube lies as deep below its surface as the tube is wide, magnified 0.7 to 2.5 times
    assert 0.65 * 8 < depth.max() < 2.6 * 8.5


def test_coarse_slices_see_the_tube_flat():
    rng = np.random.default_rng(1)
    shallow = [block_of_mask(rng, [TUBE], (48, 48, 10), 4.0, 0.0)[0] for _ in range(10)]
    assert all(block.shape == (48, 48, 10) for block in shallow)
    assert max((block >= 0).mean() for block in shallow) > 0.1


def test_a_mask_smaller_than_the_block_is_magnified():
    depth, _ = block_of_mask(np.random.default_rng(0), [TUBE[:20, 20:40, 20:40]], (64, 64, 64), 1.0, 0.0)
    assert (depth >= 0).any()


def test_volumes_are_cut_out_of_given_masks():
    image, label = synthesise(5, (48, 48, 48), "mask", masks=[TUBE])
    again = synthesise(5, (48, 48, 48), "mask", masks=[TUBE])
    np.testing.assert_array_equal(image, again[0])
    assert label.any()
    assert image.max() > image.min()
