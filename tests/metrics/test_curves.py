"""Curves: their points, how far thinning moves them, and their means."""

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_curve, roc_curve

from scripts.metrics import VolumeCounts, curves_of, mean_curves
from scripts.metrics.curves import TOLERANCE, thinned
from tests.helpers.counts_examples import HALF, counts, noisy


def points(curve):
    """(N, 2)."""
    return np.stack([*curve.values()], axis=1)


def distances(path, line):
    """Of each point of a path (N, 2) to a line (M, 2) through its points."""
    start, step = line[:-1], np.diff(line, axis=0)
    share = ((path[:, None] - start) * step).sum(-1) / np.maximum((step**2).sum(-1), 1e-300)
    foot = start + np.clip(share, 0, 1)[..., None] * step
    return np.linalg.norm(path[:, None] - foot, axis=-1).min(axis=1)


# -- points ------------------------------------------------------------------------------------------------------------


def test_curves_by_hand():
    curves = curves_of(counts(*HALF))
    assert curves["roc"] == {"false_positive_rate": [0, 0, 0.5, 0.5, 1], "recall": [0, 0.5, 0.5, 1, 1]}
    precision = [1, 1, 0.5, 0.666667, 0.5]
    assert curves["precision_recall"] == {"recall": [0, 0.5, 0.5, 1, 1], "precision": precision}
    assert curves["at_threshold"] == {"false_positive_rate": 0.5, "recall": 0.5, "precision": 0.5}
    assert (curves["auroc"], curves["vessel_fraction"]) == (0.75, 0.5)
    assert curves["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    none_predicted = curves_of(counts(*HALF, threshold=0.95))
    assert none_predicted["at_threshold"] == {"false_positive_rate": 0, "recall": 0, "precision": None}


def test_curves_are_those_of_scikit_learn_in_few_points():
    log_odds, label = noisy()
    curves = curves_of(counts(log_odds, label))
    false, true, _ = roc_curve(label, log_odds)
    precision, recall, _ = precision_recall_curve(label, log_odds)
    for kind, exact in {"roc": (false, true), "precision_recall": (recall[:-1], precision[:-1])}.items():
        kept = points(curves[kind])
        assert len(kept) < 400
        exact = np.stack(exact, axis=1)
        picked = exact[np.random.default_rng(0).permutation(len(exact))[:3000]]
        assert distances(picked, kept).max() < TOLERANCE, kind


def test_thinning_keeps_corners_and_ends():
    x = np.linspace(0, 1, 10_001)
    assert thinned(x, np.minimum(2 * x, 1)) == ([0, 0.5, 1], [0, 1, 1])
    assert thinned(np.zeros(2), np.array([0, 1.0])) == ([0, 0], [0, 1])
    assert len(thinned(x, x**2, 1e-4)[0]) > len(thinned(x, x**2, 1e-2)[0]) > 3


@pytest.mark.parametrize(
    ("label", "defined"), [([0, 0, 0, 0], []), ([1, 1, 1, 1], ["precision_recall"]), ([-1, -1, -1, -1], [])]
)
def test_undefined_is_none(label, defined):
    curves = curves_of(counts(HALF[0], label))
    assert [kind for kind in ("roc", "precision_recall") if curves[kind]] == defined
    assert curves["auroc"] is None
    json.dumps(curves, allow_nan=False)


def test_several_classes_are_vessel():
    logits = torch.tensor([[0.0, 0, 0, 0], [2, -1, 1, -2], [-9, -9, -9, -9]]).reshape(3, 4, 1, 1)
    label = torch.tensor([1, 2, 0, 0]).reshape(1, 4, 1, 1)
    curves = curves_of(VolumeCounts.of(logits, label))
    assert curves["roc"] == curves_of(counts([2, -1, 1, -2], [1, 1, 0, 0]))["roc"]
    assert curves["at_threshold"] == {"false_positive_rate": 0.5, "recall": 0.5, "precision": 0.5}


# -- means -------------------------------------------------------------------------------------------------------------


def test_means_are_vertical_and_of_what_is_defined():
    cases = [curves_of(counts(*noisy(seed, skill=skill))) for seed, skill in ((1, 1.0), (2, 4.0))]
    mean = mean_curves([*cases, curves_of(counts([1, -1], [0, 0]))])
    for kind, x, y in (("roc", "false_positive_rate", "recall"), ("precision_recall", "recall", "precision")):
        at = np.array([0.1, 0.3, 0.7])
        heights = [np.interp(at, case[kind][x], case[kind][y]) for case in cases]
        np.testing.assert_allclose(np.interp(at, mean[kind][x], mean[kind][y]), np.mean(heights, axis=0), atol=2e-3)
    area = np.trapezoid(mean["roc"]["recall"], mean["roc"]["false_positive_rate"])
    assert area == pytest.approx(mean["auroc"], abs=2e-3)
    assert mean["auroc"] == np.mean([case["auroc"] for case in cases])
    assert mean["at_threshold"]["recall"] == np.mean([case["at_threshold"]["recall"] for case in cases])
    assert points(mean["roc"])[0].tolist() == [0, 0]


def test_a_perfect_case_rises_at_once():
    mean = mean_curves([curves_of(counts([2, -2], [1, 0]))])
    assert points(mean["roc"]).tolist() == [[0, 0], [0, 1], [1, 1]]
