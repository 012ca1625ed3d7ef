"""The blind baselines on a bright tube, whose answer is known."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from experiments.baselines import BASELINES, best_threshold_dice, blurred, ridges
from tests.helpers.dataset_examples import write_pair


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


# -- the best threshold ------------------------------------------------------------------------------------------------


def volume(folder, image, label):
    """Of the voxels of two rows, (X, Z), each twice along Y."""
    image, label = (np.reshape(each, (-1, 1, 2)).repeat(2, axis=1) for each in (image, label))
    write_pair(folder, "v", image, label, suffix=".npy")
    return {key: str(folder / f"{key}s" / "v.npy") for key in ("image", "label")}


def test_the_best_threshold_by_hand(tmp_path):
    """Of 3 vessels, from 9 on one is found, 2/4; from 5 on two and one voxel more, 4/6; from 3 on all and two, 6/8."""
    assert best_threshold_dice(volume(tmp_path, [9, 5, 5, 3, 3, 1], [1, 1, 0, 1, 0, 0])) == 6 / 8
    assert best_threshold_dice(volume(tmp_path, [9, 5, 3, 3], [1, 1, 0, 1])) == 6 / 7  # all four are predicted
    assert np.isnan(best_threshold_dice(volume(tmp_path, [9, 5, 5, 3], [0, 0, 0, 0])))


def test_what_is_not_labelled_does_not_count(tmp_path):
    assert best_threshold_dice(volume(tmp_path, [9, 5, 5, 3], [-1, 1, 0, -1])) == 2 / 3
    assert best_threshold_dice(volume(tmp_path, [9, 5, 5, 3], [2, 1, 0, 2]), 2) == 2 / 3


def test_no_threshold_is_better(tmp_path):
    """Against all thresholds between neighbouring values, on numbers that differ in their last bits."""
    random = np.random.default_rng(0)
    label = random.random(400) < 0.3
    image = (1 + 1e-6 * random.normal(label, 1)).astype(np.float32)
    values = np.unique(image).astype(float)
    assert 40 < len(values) < 200  # with ties
    every = [image > (a + b) / 2 for a, b in pairwise([0, *values])]
    best = max(2 * (label & predicted).sum() / (label.sum() + predicted.sum()) for predicted in every)
    assert best_threshold_dice(volume(tmp_path, image, label.astype(np.uint8))) == best
