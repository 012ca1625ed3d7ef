"""What intensity alone teaches: chances that rise with it, by hand."""

import numpy as np
import pytest

from scripts.inference.voxelwise.intensity import LEAST_CHANCE, Brightness
from scripts.transforms import BLURRED, FEATURES, voxel_features


def described(intensities):
    """Features of voxels that differ in their blurred intensity alone."""
    features = np.full((len(intensities), FEATURES), 7.0, dtype=np.float32)
    features[:, BLURRED] = intensities
    return features


def chance(student, intensities):
    return 1 / (1 + np.exp(-student.decision_function(described(intensities))))


def test_the_chance_rises_with_intensity():
    """Where what is said falls, its weighted mean is learnt: of 0.6 and 3 times 0.2, 0.3; between, a straight line."""
    says = np.array([0.1, 0.6, 0.2, 0.9], dtype=np.float32)
    student = Brightness(described([1, 2, 3, 4]), says, np.array([1.0, 1.0, 3.0, 1.0]))
    assert chance(student, [1, 2, 3, 4]) == pytest.approx([0.1, 0.3, 0.3, 0.9])
    assert chance(student, [0, 2.5, 9]) == pytest.approx([0.1, 0.3, 0.9])
    assert student.decision_function(described([1.5]))[0] == pytest.approx((np.log(0.1 / 0.9) + np.log(0.3 / 0.7)) / 2)


def test_what_is_certain_stays_finite():
    student = Brightness(described([1, 2]), np.array([0, 1], dtype=np.float32), np.ones(2))
    assert chance(student, [0, 3]) == pytest.approx([LEAST_CHANCE, 1 - LEAST_CHANCE])


def test_dark_vessels_teach_nothing():
    student = Brightness(described([1, 2]), np.array([0.9, 0.1], dtype=np.float32), np.ones(2))
    assert chance(student, [1, 2]) == pytest.approx([0.5, 0.5])


def test_it_looks_at_intensity_blurred_by_one_voxel():
    """A single bright voxel keeps as much as a Gaussian of one voxel has in its middle."""
    spot = np.zeros((15, 15, 15), dtype=np.float32)
    spot[7, 7, 7] = 1
    assert voxel_features(spot, np.ones(3))[BLURRED, 7, 7, 7] == pytest.approx((2 * np.pi) ** -1.5, rel=0.03)
