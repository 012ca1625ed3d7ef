"""Blocks of a mask of one straight tube, whose radius is known before and after it is resized."""

import numpy as np
import pytest
from scipy import ndimage

from scripts.synthesis import synthesise
from scripts.synthesis.real_masks import RADII, block_of_mask, mean_radius

X, Y, Z = np.meshgrid(*(np.arange(n) for n in (120, 60, 60)), indexing="ij")
TUBE = ((Y - 30) ** 2 + (Z - 30) ** 2 <= 8**2).astype(np.uint8)


def test_the_mean_radius_of_a_tube():
    """197 voxels and 68 faces round about in each slice of it: by 3/2 for faces, 2 for tubes, 3 · 197 / 68."""
    assert mean_radius(TUBE) == pytest.approx(3 * 197 / 68)
    assert mean_radius(TUBE.astype(bool)) == mean_radius(TUBE)


@pytest.mark.parametrize("seed", range(12))
def test_a_tube_stays_a_tube_of_the_radius_that_is_drawn(seed):
    depth, brightness = block_of_mask(np.random.default_rng(seed), [TUBE], (40, 40, 40), 1.0, 0.3)
    assert depth.shape == brightness.shape == (40, 40, 40)
    assert depth.dtype == brightness.dtype == np.float32
    assert depth.min() == -1
    assert ((brightness > 0) == (depth > -1)).all()
    # the axis lies as deep as the tube is wide: `mean_radius` says 8.7, some are a voxel wider, or a bit
    ratio = 8 / mean_radius(TUBE)
    assert ratio * RADII[0] - 0.8 < depth.max() < ratio * RADII[1] + 2.5


def test_blocks_are_turned_bent_and_made_wider():
    """Of a tube along X some blocks keep the direction, others are askew, and some are twice as wide as others."""
    axes, widths = [], []
    for seed in range(40):
        depth, _ = block_of_mask(np.random.default_rng(seed), [TUBE], (48, 48, 48), 1.0, 0.0)
        pieces, count = ndimage.label(depth >= 0)
        largest = np.argmax(np.bincount(pieces.ravel())[1:]) + 1 if count else 0
        points = np.argwhere(pieces == largest).astype(float)
        _, directions = np.linalg.eigh(np.cov(points.T))
        axes.append(np.abs(directions[:, -1]).max())
        widths.append(depth.max())
    assert np.mean(np.array(axes) > 0.995) > 0.2  # along an axis
    assert np.mean(np.array(axes) < 0.9) > 0.15  # and askew
    assert max(widths) > 2 * min(widths)


def test_coarse_slices_see_the_tube_flat():
    rng = np.random.default_rng(1)
    shallow = [block_of_mask(rng, [TUBE], (48, 48, 10), 4.0, 0.0)[0] for _ in range(10)]
    assert all(block.shape == (48, 48, 10) for block in shallow)
    assert max((block >= 0).mean() for block in shallow) > 0.02


def test_a_mask_smaller_than_the_block_goes_on_as_its_mirror_image():
    half = np.zeros((24, 24, 24), bool)
    half[:, 4:8, 4:8] = True
    depth, _ = block_of_mask(np.random.default_rng(0), [half], (64, 64, 64), 1.0, 0.0)
    assert ndimage.label(depth >= 0)[1] > 1


def test_volumes_are_cut_out_of_given_masks():
    image, label = synthesise(5, (48, 48, 48), "mask", masks=[TUBE])
    again = synthesise(5, (48, 48, 48), "mask", masks=[TUBE])
    np.testing.assert_array_equal(image, again[0])
    assert label.any()
    assert image.max() > image.min()
