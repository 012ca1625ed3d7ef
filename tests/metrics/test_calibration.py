"""Calibration by hand, and as MONAI has it."""

import numpy as np
import pytest
import torch
from monai.metrics.calibration import CalibrationErrorMetric, calibration_binning

from scripts.metrics import BINS, Reliability, VolumeCounts, VoxelHistogram
from tests.helpers.counts_examples import counts, scored


def logit(*probabilities):
    return torch.logit(torch.tensor(probabilities, dtype=torch.float64)).float()


def test_by_hand():
    """Of four voxels at 0.8 two are vessel, of two at 0.1 none is: (4 * 0.3 + 2 * 0.1) / 6."""
    log_odds, label = logit(0.8, 0.8, 0.8, 0.8, 0.1, 0.1), [1, 1, 0, 0, 0, 0]
    reliability = Reliability.of(VoxelHistogram.of(log_odds, torch.tensor(label) > 0))
    assert reliability.error() == pytest.approx(1.4 / 6, abs=1e-5)
    assert np.flatnonzero(reliability.voxels).tolist() == [1, 11]
    assert reliability.voxels[[1, 11]].tolist() == [2, 4]
    assert reliability.probability[[1, 11]] == pytest.approx([0.1, 0.8], abs=1e-5)
    assert reliability.vessel[[1, 11]].tolist() == [0, 0.5]
    assert counts(log_odds, label).scores("expected_calibration_error") == [reliability.error()]


@pytest.mark.parametrize("kind", ["plain", "saturated", "all alike"])
def test_as_monai_has_it(kind):
    log_odds, label = scored(kind, 20_000)
    probability, truth = (each.double()[None, None] for each in (torch.sigmoid(log_odds.double()), label))
    reliability = Reliability.of(VoxelHistogram.of(log_odds, label))
    mean, share, voxels = (each.flatten().numpy() for each in calibration_binning(probability, truth, BINS, right=True))
    np.testing.assert_array_equal(reliability.voxels, voxels)
    np.testing.assert_allclose(reliability.probability, mean, atol=1e-4)  # MONAI adds in 32 bits
    np.testing.assert_allclose(reliability.vessel, share, atol=1e-9)
    metric = CalibrationErrorMetric(num_bins=BINS, include_background=True, right=True)
    metric(probability, truth)
    assert reliability.error() == pytest.approx(float(metric.aggregate()), abs=1e-4)


def test_sure_and_right_sure_and_wrong_and_nothing_labelled():
    sure = torch.tensor([torch.inf, 200.0, -200.0, -torch.inf])
    for label, error in (([1, 1, 0, 0], 0), ([0, 0, 1, 1], 1)):
        assert counts(sure, label).scores("expected_calibration_error") == pytest.approx([error])
    assert np.isnan(counts(sure, [-1] * 4).scores("expected_calibration_error")).all()


def test_each_class_against_the_rest():
    logits = torch.tensor([[0.0, 0.0], [2.0, 2.0], [1.0, 1.0]]).reshape(3, 2, 1, 1)
    one = VolumeCounts.of(logits, torch.tensor([1, 2]).reshape(1, 2, 1, 1))
    share = torch.softmax(logits[:, 0, 0, 0], dim=0)
    expected = [abs(float(share[c]) - 0.5) for c in (1, 2)]
    assert one.scores("expected_calibration_error") == pytest.approx(expected, abs=1e-5)
