import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.handlers import IgniteMetricHandler, from_engine
from sklearn.metrics import average_precision_score, roc_auc_score

from scripts.metrics import VoxelHistogram, VoxelScores, foreground_log_odds, overlap_scores


def scored(kind, n=20_000, seed=0):
    """Log-odds that know something of their labels, of one kind or another."""
    random = np.random.default_rng(seed)
    label = (random.random(n) < 0.1).astype(np.int64)
    log_odds = random.normal(1.5 * label - 2, 1.5)
    if kind == "saturated":  # 95 % of the probabilities within 1e-6 of 0 or 1, and what ranks them beyond that
        sure = random.random(n) < 0.95
        log_odds[sure] = np.sign(log_odds[sure] + 0.5) * (14 + 3 * np.abs(log_odds[sure]))
    elif kind == "ties":
        log_odds = np.round(log_odds)
    elif kind == "near even":
        log_odds *= 1e-6
    return torch.tensor(log_odds, dtype=torch.float32), torch.tensor(label)


@pytest.mark.parametrize("kind", ["plain", "saturated", "ties", "near even"])
def test_areas_equal_scikit_learn(kind):
    log_odds, label = scored(kind)
    histogram = VoxelHistogram.of(log_odds, label)
    assert histogram.auroc() == pytest.approx(roc_auc_score(label, log_odds), abs=1e-4)
    assert histogram.average_precision() == pytest.approx(average_precision_score(label, log_odds), abs=1e-4)
    if kind == "saturated":
        probability = torch.sigmoid(log_odds)
        assert (torch.minimum(probability, 1 - probability) < 1e-6).double().mean() > 0.94
        assert abs(roc_auc_score(label, probability) - histogram.auroc()) > 2e-4  # what probabilities would lose


def test_negative_zero_is_zero():
    histogram = VoxelHistogram.of(torch.tensor([-0.0, 0.0]), torch.tensor([0, 1]))
    assert histogram.auroc() == 0.5


def test_order_over_the_whole_range_of_floats():
    log_odds = torch.tensor([-torch.inf, -3e38, -1.0, -1e-30, 0.0, 1e-30, 1.0, 3e38, torch.inf])
    for i in range(1, len(log_odds)):
        assert VoxelHistogram.of(log_odds[i - 1 : i + 1], torch.tensor([0, 1])).auroc() == 1
        assert VoxelHistogram.of(log_odds[i - 1 : i + 1], torch.tensor([1, 0])).auroc() == 0


def test_unlabelled_voxels_do_not_count():
    log_odds, label = scored("plain")
    unlabelled = torch.arange(len(label)) % 3 == 0
    without = VoxelHistogram.of(log_odds[~unlabelled], label[~unlabelled])
    label[unlabelled] = -1
    histogram = VoxelHistogram.of(MetaTensor(log_odds), label)
    assert torch.equal(histogram.counts, without.counts)
    assert overlap_scores(log_odds, label) == overlap_scores(log_odds[~unlabelled], label[~unlabelled])


@pytest.mark.parametrize(("label", "precision"), [(0, float("nan")), (1, 1.0), (-1, float("nan"))])
def test_one_class_has_no_auroc(label, precision):
    histogram = VoxelHistogram.of(torch.randn(50), torch.full((50,), label))
    assert np.isnan(histogram.auroc())
    assert histogram.average_precision() == pytest.approx(precision, nan_ok=True)
    assert np.isnan(histogram.best_threshold()) if label < 1 else histogram.best_threshold() < 0.5


def test_histograms_add_up():
    (a, b), (c, d) = scored("plain", 500, seed=1), scored("ties", 700, seed=2)
    both = VoxelHistogram.of(a, b) + VoxelHistogram.of(c, d)
    assert torch.equal(both.counts, VoxelHistogram.of(torch.cat((a, c)), torch.cat((b, d))).counts)
    assert both.counts.sum() == 1200


@pytest.mark.parametrize("shift", [-3, 0, 2])
def test_best_threshold_is_the_best_there_is(shift):
    """Log-odds on steps of 1/4, among them 0 and 1, which are edges of bins: brute force over every step."""
    log_odds, label = scored("plain", 3000)
    log_odds = torch.round((log_odds + shift) * 4) / 4
    between = torch.sigmoid(torch.arange(-12, 12, 0.25) + 0.125)
    brute = max(overlap_scores(log_odds, label, float(t))["dice"] for t in between)
    threshold = VoxelHistogram.of(log_odds, label).best_threshold()
    assert 0 < threshold < 1
    assert overlap_scores(log_odds, label, threshold)["dice"] == brute
    probability = torch.sigmoid(log_odds)  # as inference has it, in 32 bits
    called = probability > threshold
    assert float(2 * (called & (label == 1)).sum() / (called.sum() + label.sum())) == pytest.approx(brute)


def test_best_threshold_where_all_is_even_or_saturated():
    label = torch.tensor([1, 1, 0])
    for log_odds in (torch.zeros(3), torch.tensor([30.0, 60.0, -30.0])):
        threshold = VoxelHistogram.of(log_odds, label).best_threshold()
        expected = 0.8 if log_odds[0] == 0 else 1.0
        assert overlap_scores(log_odds, label, threshold)["dice"] == expected
        assert (torch.sigmoid(log_odds) > threshold)[:2].all()


def test_overlap_by_hand():
    log_odds = torch.tensor([3.0, 2.0, 1.0, 0.0, -1.0, -2.0])
    label = torch.tensor([1, 2, 0, 1, -1, 0])  # any class but the background is vessel
    assert overlap_scores(log_odds, label) == {"dice": 4 / 6, "precision": 2 / 3, "recall": 2 / 3}  # 0 is not above 0.5
    higher = overlap_scores(log_odds, label, threshold=0.85)  # log-odds 1.73
    assert higher == {"dice": 4 / 5, "precision": 1, "recall": 2 / 3}


@pytest.mark.parametrize(
    ("log_odds", "label", "dice", "precision", "recall"),
    [(-1.0, 0, None, None, None), (1.0, 0, 0, 0, None), (-1.0, 1, 0, None, 0), (1.0, -1, None, None, None)],
)
def test_undefined_is_nan(log_odds, label, dice, precision, recall):
    scores = overlap_scores(torch.full((4,), log_odds), torch.full((4,), label))
    scores = {name: None if np.isnan(value) else value for name, value in scores.items()}
    assert scores == {"dice": dice, "precision": precision, "recall": recall}


def test_log_odds_of_several_classes():
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    p = logits.double().softmax(0)
    torch.testing.assert_close(foreground_log_odds(logits), torch.logit(1 - p[0]).float())
    for channel in range(3):
        torch.testing.assert_close(foreground_log_odds(logits, channel), torch.logit(p[channel]).float())
    saturated = torch.tensor([[60.25], [-60.0]]).bfloat16()
    assert foreground_log_odds(saturated).item() == -120.25


# -- as MONAI's engines use it -----------------------------------------------------------------------------------------


def volume(shape, seed, vessels=True):
    log_odds, label = scored("plain", int(np.prod(shape)), seed)
    pred = torch.stack((torch.zeros_like(log_odds), log_odds)).reshape(2, *shape)
    return {"pred": MetaTensor(pred), "label": MetaTensor((label * vessels).reshape(1, *shape))}


def evaluate(volumes, **scores):
    """As an evaluator does: one decollated volume an iteration."""
    engine = Engine(lambda _, volume: [volume])
    for name, score in scores.items():
        IgniteMetricHandler(metric_fn=score, output_transform=from_engine(["pred", "label"])).attach(engine, name)
    return engine.run(volumes)


def test_scores_are_means_over_volumes_and_not_pooled():
    volumes = [volume((10, 8, 6), 1), volume((20, 16, 12), 2)]
    names = ("auroc", "average_precision", "dice", "recall", "best_threshold")
    state = evaluate(volumes, **{name: VoxelScores(name, threshold=0.3) for name in names})
    flat = [(v["pred"][1].flatten(), v["label"].flatten()) for v in volumes]

    alone = [roc_auc_score(label, log_odds) for log_odds, label in flat]
    assert state.metric_details["auroc"].flatten().tolist() == pytest.approx(alone, abs=1e-4)
    assert state.metrics["auroc"] == pytest.approx(np.mean(alone), abs=1e-4)
    together = roc_auc_score(*(torch.cat(part).numpy() for part in list(zip(*flat, strict=True))[::-1]))
    assert abs(state.metrics["auroc"] - together) > 2e-4

    precision = [average_precision_score(label, log_odds) for log_odds, label in flat]
    assert state.metrics["average_precision"] == pytest.approx(np.mean(precision), abs=1e-4)
    for name in ("dice", "recall"):
        expected = np.mean([overlap_scores(*pair, 0.3)[name] for pair in flat])
        assert state.metrics[name] == pytest.approx(expected)
    thresholds = [VoxelHistogram.of(*pair).best_threshold() for pair in flat]
    assert state.metrics["best_threshold"] == pytest.approx(np.mean(thresholds))


def test_a_volume_without_vessels_is_left_out_of_the_mean_and_forgotten_afterwards():
    auroc, volumes = VoxelScores("auroc"), [volume((8, 8, 8), 1), volume((6, 6, 6), 2, vessels=False)]
    state = evaluate(volumes, auroc=auroc)
    first, second = state.metric_details["auroc"].flatten().tolist()
    assert np.isnan(second)
    assert state.metrics["auroc"] == pytest.approx(first)
    assert evaluate(volumes[:1], auroc=auroc).metric_details["auroc"].shape == (1, 1)


def test_unknown_score():
    with pytest.raises(ValueError, match=r"score must be one of dice, .*, best_threshold, got 'AUC'"):
        VoxelScores("AUC")
