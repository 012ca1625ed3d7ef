"""Random fields: unit variance everywhere, as smooth as asked for."""

import numpy as np
import pytest

from scripts.synthesis.random_fields import blurred, grain, smooth_field


def test_smooth_field_has_unit_variance_and_is_smooth():
    fields = np.stack([smooth_field(np.random.default_rng(s), (24, 24, 12), (6, 6, 6)) for s in range(200)])
    np.testing.assert_allclose(fields.std(axis=0), 1.0, atol=0.25)
    assert np.abs(np.diff(fields, axis=1)).mean() < 0.3


@pytest.mark.parametrize("sigma", [0.0, 1.0, 2.0])
def test_grain_has_unit_variance_and_the_size_asked_for(sigma):
    field = grain(np.random.default_rng(0), (48, 48, 48), (sigma,) * 3)
    assert field.std() == pytest.approx(1.0)
    # neighbours in white noise blurred over sigma correlate by exp(-1 / 4 sigma^2)
    expected = np.exp(-1 / (4 * sigma**2)) if sigma else 0.0
    assert np.corrcoef(field[1:].ravel(), field[:-1].ravel())[0, 1] == pytest.approx(expected, abs=0.06)


def test_blur_keeps_the_mean_and_spreads_a_point():
    point = np.zeros((21, 21, 21), np.float32)
    point[10, 10, 10] = 1
    spread = blurred(point, (1.5, 1.5, 0.0))
    assert spread.sum() == pytest.approx(1.0, abs=1e-4)
    assert spread[10, 10, 9] == 0
    assert spread[10, 11, 10] == pytest.approx(spread[11, 10, 10])
    assert spread[10, 11, 10] / spread[10, 10, 10] == pytest.approx(np.exp(-0.5 / 1.5**2), rel=1e-3)
