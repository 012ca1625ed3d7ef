"""Slopes and curvatures of volumes whose derivatives are known."""

import numpy as np
import pytest

from scripts.transforms import FEATURES, voxel_features
from scripts.transforms.curvature import PAIRS, SIGMAS, blur, eigenvalues, first_derivative, second_derivative

INSIDE = (slice(4, -4),) * 3


def test_derivatives_of_a_parabola():
    """x²/2 + 3 y z: slope x along X, and second derivatives 1 along X and 3 across Y and Z."""
    x, y, z = np.indices((12, 12, 12)).astype(np.float32)
    volume, steps = x**2 / 2 + 3 * y * z, (1.0, 1.0, 1.0)
    assert np.allclose(first_derivative(volume, 0, steps)[INSIDE], x[INSIDE])
    found = [second_derivative(volume, *axes, steps)[INSIDE] for axes in PAIRS]
    assert [float(each.mean()) for each in found] == pytest.approx([1, 0, 0, 0, 0, 3], abs=1e-3)
    assert [float(each.mean()) for each in eigenvalues(*found)] == pytest.approx([-3, 1, 3], abs=1e-3)


def test_eigenvalues_are_those_of_linear_algebra():
    entries = np.random.default_rng(0).normal(size=(6, 50))
    xx, yy, zz, xy, xz, yz = entries
    matrices = np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], axis=-1).reshape(50, 3, 3)
    assert np.allclose(np.stack(eigenvalues(*entries), axis=-1), np.linalg.eigvalsh(matrices), atol=1e-6)
    assert np.allclose(np.stack(eigenvalues(*np.zeros((6, 2)))), 0)


def test_thick_slices_are_blurred_less_across():
    point = np.zeros((9, 9, 9), dtype=np.float32)
    point[4, 4, 4] = 1
    spread = blur(point, 1.0, np.array([1.0, 1.0, 5.0]))
    assert spread[5, 4, 4] == pytest.approx(spread[4, 4, 4] * np.exp(-0.5), rel=1e-4)
    assert spread[4, 4, 5] < 1e-5  # a fifth of a voxel reaches no other


def test_a_bright_tube_has_two_strongly_negative_curvatures():
    """On its axis, at the scale of its radius, and none along it."""
    _, y, z = np.indices((24, 25, 25))
    tube = np.float32((y - 12) ** 2 + (z - 12) ** 2 <= 4)
    features = voxel_features(tube, np.ones(3))
    assert features.shape == (FEATURES, *tube.shape)
    blurred, slope, least, middle, most = features[5 * SIGMAS.index(2.0) :][:5, 12, 12, 12]
    assert least == pytest.approx(middle, rel=1e-3)
    assert middle < -0.05
    assert most == pytest.approx(0, abs=1e-3)
    assert slope == pytest.approx(0, abs=1e-3)
    assert 0.2 < blurred < 0.8


def test_a_volume_of_one_slice_has_features():
    assert np.isfinite(voxel_features(np.random.default_rng(0).random((6, 7, 1), dtype=np.float32), np.ones(3))).all()
