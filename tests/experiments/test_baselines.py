"""The blind baselines on a bright tube, whose answer is known."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from experiments.baselines import BASELINES, blurred, ridges


def tube(voxel=(1.0, 1.0, 1.0)):
    """A tube of radius 3 along X, of brightness 0.8 on 0.2, in noise; and where it is."""
    _, y, z = np.indices((24, 32, 32))
    label = (y - 15) ** 2 + (z - 15) ** 2 <= 9
    image = 0.2 + 0.6 * label + np.random.default_rng(0).normal(scale=0.02, size=label.shape)
    return MetaTensor(torch.from_numpy(image[None].astype(np.float32)), affine=np.diag([*voxel, 1.0])), label


@pytest.mark.parametrize("name", BASELINES)
def test_each_finds_a_bright_tube(name):
    image, label = tube()
    found, threshold = BASELINES[name](image)
    segmented = found > threshold
    assert found.shape == label.shape
    assert segmented[label].mean() > 0.8
    assert segmented[~label].mean() < 0.1


def test_thick_slices_are_blurred_less_across():
    """A point spreads by one voxel in plane, and by a fifth of one, which is nothing, across slices."""
    point = torch.zeros(1, 9, 9, 9)
    point[0, 4, 4, 4] = 1
    spread = blurred(MetaTensor(point, affine=np.diag([1.0, 1, 5, 1])))
    assert spread[5, 4, 4] == pytest.approx(spread[4, 4, 4] * np.exp(-0.5), rel=1e-4)
    assert spread[4, 4, 5] < 1e-4


def test_ridges_of_thick_slices_are_those_of_each_slice():
    """A tube across slices is no line within any of them, and one in plane is."""
    image, label = tube((1.0, 1.0, 5.0))
    alone = MetaTensor(image.as_tensor()[..., 15:16], affine=image.affine)
    assert np.allclose(ridges(image)[..., 15], ridges(alone)[..., 0])
    assert np.ptp(ridges(image)[..., 0]) < ridges(image)[label].max() / 4
