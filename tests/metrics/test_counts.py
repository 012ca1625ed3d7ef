"""Counts and histograms of voxels against scikit-learn, brute force and numbers by hand."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Activations
from sklearn.metrics import average_precision_score, roc_auc_score

from scripts.core import apply_threshold, foreground_log_odds
from scripts.core import logits as logits_module
from scripts.metrics import VolumeCounts, VoxelHistogram, overlap_score
from tests.helpers.counts_examples import counts, overlap, own_threshold, scored


def test_scores_of_numbers_of_voxels():
    """Of 8 labelled and 4 segmented voxels, 3 are both; half of the volume is missing, or twice as much too much."""
    scores = [overlap_score(score, 3, 8, 4) for score in ("dice", "precision", "recall", "volume_error")]
    assert scores == [0.5, 0.75, 0.375, 0.5]
    assert overlap_score("volume_error", 3, 4, 12) == 2
    assert overlap_score("volume_error", 0, 8, 0) == 1
    assert np.isnan(overlap_score("volume_error", 0, 0, 8))
    assert np.isnan([overlap_score("dice", 0, 0, 0), overlap_score("precision", 0, 8, 0)]).all()


# -- areas ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "saturated", "ties", "near even", "all alike"])
def test_areas_equal_scikit_learn(kind):
    log_odds, label = scored(kind)
    histogram = VoxelHistogram.of(log_odds, label)
    assert histogram.auroc() == pytest.approx(roc_auc_score(label, log_odds), abs=1e-5)
    assert histogram.average_precision() == pytest.approx(average_precision_score(label, log_odds), abs=1e-4)
    if kind == "saturated":
        probability = torch.sigmoid(log_odds)
        assert (torch.minimum(probability, 1 - probability) < 1e-6).double().mean() > 0.94
        assert abs(roc_auc_score(label, probability) - histogram.auroc()) > 2e-4  # what probabilities would lose


def test_areas_by_hand():
    """Of 3 x 2 pairs of background and vessel 3 stand in order, one is tied: (3 + 1/2) / 6."""
    histogram = VoxelHistogram.of(torch.tensor([-2.0, -1.0, 1.0, 1.0, -1.5]), torch.tensor([0, 0, 0, 1, 1]) > 0)
    assert histogram.auroc() == pytest.approx(3.5 / 6)
    assert histogram.average_precision() == pytest.approx((1 / 2 + 2 / 4) / 2)
    false, true = histogram.above()
    assert false.tolist() == [0, 1, 2, 2, 3]  # from the highest bin down: 1, -1, -1.5, -2
    assert true.tolist() == [0, 1, 1, 2, 2]


def test_negative_zero_is_zero():
    histogram = VoxelHistogram.of(torch.tensor([-0.0, 0.0]), torch.tensor([False, True]))
    assert histogram.auroc() == 0.5


def test_order_over_the_whole_range_of_floats():
    log_odds = torch.tensor([-torch.inf, -3e38, -1.0, -1e-30, 0.0, 1e-30, 1.0, 3e38, torch.inf])
    for i in range(1, len(log_odds)):
        assert VoxelHistogram.of(log_odds[i - 1 : i + 1], torch.tensor([False, True])).auroc() == 1
        assert VoxelHistogram.of(log_odds[i - 1 : i + 1], torch.tensor([True, False])).auroc() == 0


def test_histograms_add_up():
    (a, b), (c, d) = scored("plain", 500, seed=1), scored("ties", 700, seed=2)
    both, whole = (
        VoxelHistogram.of(a, b) + VoxelHistogram.of(c, d),
        VoxelHistogram.of(torch.cat((a, c)), torch.cat((b, d))),
    )
    np.testing.assert_array_equal(both.bins, whole.bins)
    np.testing.assert_array_equal(both.voxels, whole.voxels)
    assert both.voxels.sum() == 1200
    assert both.voxels.any(axis=0).all()  # no empty bin is kept


# -- a volume's counts -----------------------------------------------------------------------------------------


def test_overlap_by_hand():
    log_odds, label = torch.tensor([3.0, 2.0, 1.0, 0.0, -1.0, -2.0]), torch.tensor([1, 1, 0, 1, -1, 0])
    assert overlap(log_odds, label) == {"dice": 4 / 6, "precision": 2 / 3, "recall": 2 / 3}  # 0 is not above 0.5
    higher = overlap(log_odds, label, threshold=0.85)  # log-odds 1.73
    assert higher == {"dice": 4 / 5, "precision": 1, "recall": 2 / 3}
    assert counts(log_odds, label).confusion.tolist() == [[1, 1], [1, 2]]


@pytest.mark.parametrize(
    ("log_odds", "label", "expected"),  # dice, precision, recall, average precision
    [
        (-1.0, 0, (None, None, None, None)),
        (1.0, 0, (0, 0, None, None)),
        (-1.0, 1, (0, None, 0, 1)),
        (1.0, -1, (None, None, None, None)),
    ],
)
def test_undefined_is_nan(log_odds, label, expected):
    one = counts(torch.full((4,), log_odds), torch.full((4,), label))
    names = ("dice", "precision", "recall", "average_precision", "auroc")
    for name, value in zip(names, (*expected, None), strict=True):
        assert one.scores(name) == pytest.approx([np.nan if value is None else value], nan_ok=True), name
    assert np.isnan(own_threshold(torch.full((4,), log_odds), torch.full((4,), label))) == (label < 1)


@pytest.mark.parametrize("classes", [2, 3])
def test_slabs_and_unlabelled_voxels(classes, monkeypatch):
    """Counted in slabs of two rows, all is as if all labelled voxels were counted at once."""
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(classes, 7, 5, 4, generator=random)
    label = torch.randint(-1, classes, (1, 7, 5, 4), generator=random).to(torch.int8)
    at = label[0] >= 0
    whole = VolumeCounts.of(logits[:, at].reshape(classes, -1, 1, 1), label[:, at].reshape(1, -1, 1, 1))
    monkeypatch.setattr(logits_module, "SLAB", 40)
    parts = VolumeCounts.of(MetaTensor(logits), MetaTensor(label))
    assert whole.confusion.sum() == at.sum()
    for name in VolumeCounts.SCORES:
        assert parts.scores(name) == whole.scores(name)
        assert len(whole.scores(name)) == classes - 1
    np.testing.assert_array_equal(parts.vessels.voxels, whole.vessels.voxels)


def test_each_class_of_several():
    """Against its own mask: what inference would write, and its log-odds against the rest."""
    random = torch.Generator().manual_seed(1)
    logits, label = 2 * torch.randn(4, 9, 8, 7, generator=random), torch.randint(0, 4, (1, 9, 8, 7), generator=random)
    label[label == 3] = 2  # nothing is of class 3
    one = VolumeCounts.of(logits, label, threshold=0.7)
    probability = Activations(softmax=True)(logits)
    predicted = apply_threshold(probability, 0.7)
    assert {0, 1, 2, 3} == set(predicted.unique().tolist())
    for index in (1, 2):
        found, real = predicted == index, label == index
        hit = int((found & real).sum())
        assert one.scores("dice")[index - 1] == 2 * hit / int(found.sum() + real.sum())
        assert one.scores("precision")[index - 1] == hit / int(found.sum())
        assert one.scores("recall")[index - 1] == hit / int(real.sum())
        flat = real.flatten().numpy(), torch.logit(probability[index].double()).flatten().numpy()
        assert one.scores("auroc")[index - 1] == pytest.approx(roc_auc_score(*flat), abs=1e-4)
        assert one.scores("average_precision")[index - 1] == pytest.approx(average_precision_score(*flat), abs=1e-3)
    assert one.scores("dice")[2] == 0
    assert np.isnan([one.scores(name)[2] for name in ("recall", "auroc", "average_precision")]).all()
    any_class = label.flatten() > 0, foreground_log_odds(logits).flatten()
    assert one.vessels.auroc() == pytest.approx(roc_auc_score(*any_class), abs=1e-4)
