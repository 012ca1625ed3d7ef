"""Scores against scikit-learn, brute force and numbers by hand; then as MONAI's engines use them."""

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.handlers import IgniteMetricHandler, from_engine
from monai.transforms import Activations
from sklearn.metrics import average_precision_score, roc_auc_score

from scripts import metrics
from scripts.metrics import (
    BestDice,
    BestThreshold,
    VolumeTally,
    VoxelHistogram,
    VoxelScores,
    call_vessels,
    foreground_log_odds,
)
from scripts.transforms import TallyVoxelsd


def scored(kind, n=200_000, seed=0):
    """Log-odds that know something of their labels, of one kind or another."""
    random = np.random.default_rng(seed)
    label = random.random(n) < 0.1
    log_odds = random.normal(1.5 * label - 2, 1.5)
    if kind == "saturated":  # 95 % of the probabilities within 1e-6 of 0 or 1, and what ranks them beyond that
        sure = random.random(n) < 0.95
        log_odds[sure] = np.sign(log_odds[sure] + 0.5) * (14 + 3 * np.abs(log_odds[sure]))
    elif kind == "ties":
        log_odds = np.round(log_odds)
    elif kind == "near even":
        log_odds *= 1e-6
    elif kind == "all alike":  # a network that has hardly begun to learn
        log_odds = 1 + 1e-3 * log_odds
    return torch.tensor(log_odds, dtype=torch.float32), torch.tensor(label)


def tally(log_odds, label, threshold=0.5):
    """Of one row of voxels and two classes."""
    logits = torch.stack((torch.zeros_like(log_odds), log_odds)).reshape(2, -1, 1, 1)
    return VolumeTally.of(logits, label.to(torch.int8).reshape(1, -1, 1, 1), threshold)


def overlap(*args, **kwargs):
    one = tally(*args, **kwargs)
    return {name: one.scores(name)[0] for name in ("dice", "precision", "recall")}


def own_threshold(log_odds, label):
    """Best for one volume."""
    metric = BestThreshold()
    metric([tally(log_odds, label)], [label])
    return metric.aggregate().item()


# -- areas -------------------------------------------------------------------------------------------------------------


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
    np.testing.assert_array_equal(both.counts, whole.counts)
    assert both.counts.sum() == 1200
    assert both.counts.any(axis=0).all()  # no empty bin is kept


def test_log_odds_of_several_classes():
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    p = logits.double().softmax(0)
    torch.testing.assert_close(foreground_log_odds(logits), torch.logit(1 - p[0]).float())
    for channel in range(3):
        torch.testing.assert_close(foreground_log_odds(logits, channel), torch.logit(p[channel]).float())
    saturated = torch.tensor([[60.25], [-60.0]]).bfloat16()
    assert foreground_log_odds(saturated).item() == -120.25


# -- a volume's tally --------------------------------------------------------------------------------------------------


def test_overlap_by_hand():
    log_odds, label = torch.tensor([3.0, 2.0, 1.0, 0.0, -1.0, -2.0]), torch.tensor([1, 1, 0, 1, -1, 0])
    assert overlap(log_odds, label) == {"dice": 4 / 6, "precision": 2 / 3, "recall": 2 / 3}  # 0 is not above 0.5
    higher = overlap(log_odds, label, threshold=0.85)  # log-odds 1.73
    assert higher == {"dice": 4 / 5, "precision": 1, "recall": 2 / 3}
    assert tally(log_odds, label).confusion.tolist() == [[1, 1], [1, 2]]


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
    one = tally(torch.full((4,), log_odds), torch.full((4,), label))
    names = ("dice", "precision", "recall", "average_precision", "auroc")
    for name, value in zip(names, (*expected, None), strict=True):
        assert one.scores(name) == pytest.approx([np.nan if value is None else value], nan_ok=True), name
    assert np.isnan(own_threshold(torch.full((4,), log_odds), torch.full((4,), label))) == (label < 1)


@pytest.mark.parametrize("classes", [2, 3])
def test_slabs_and_unlabelled_voxels(classes, monkeypatch):
    """A tally in slabs of two rows is that of all labelled voxels at once."""
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(classes, 7, 5, 4, generator=random)
    label = torch.randint(-1, classes, (1, 7, 5, 4), generator=random).to(torch.int8)
    at = label[0] >= 0
    whole = VolumeTally.of(logits[:, at].reshape(classes, -1, 1, 1), label[:, at].reshape(1, -1, 1, 1))
    monkeypatch.setattr(metrics, "SLAB", 40)
    parts = VolumeTally.of(MetaTensor(logits), MetaTensor(label))
    assert whole.confusion.sum() == at.sum()
    for name in VoxelScores.NAMES:
        assert parts.scores(name) == whole.scores(name)
        assert len(whole.scores(name)) == classes - 1
    np.testing.assert_array_equal(parts.vessels.counts, whole.vessels.counts)


def test_each_class_of_several():
    """Against the class's own mask: what inference would write, and its log-odds against the rest."""
    random = torch.Generator().manual_seed(1)
    logits, label = 2 * torch.randn(4, 9, 8, 7, generator=random), torch.randint(0, 4, (1, 9, 8, 7), generator=random)
    label[label == 3] = 2  # nothing is of class 3
    one = VolumeTally.of(logits, label, threshold=0.7)
    probability = Activations(softmax=True)(logits)
    called = call_vessels(probability, 0.7)
    assert {0, 1, 2, 3} == set(called.unique().tolist())
    for index in (1, 2):
        said, real = called == index, label == index
        hit = int((said & real).sum())
        assert one.scores("dice")[index - 1] == 2 * hit / int(said.sum() + real.sum())
        assert one.scores("precision")[index - 1] == hit / int(said.sum())
        assert one.scores("recall")[index - 1] == hit / int(real.sum())
        flat = real.flatten().numpy(), torch.logit(probability[index].double()).flatten().numpy()
        assert one.scores("auroc")[index - 1] == pytest.approx(roc_auc_score(*flat), abs=1e-4)
        assert one.scores("average_precision")[index - 1] == pytest.approx(average_precision_score(*flat), abs=1e-3)
    assert one.scores("dice")[2] == 0
    assert np.isnan([one.scores(name)[2] for name in ("recall", "auroc", "average_precision")]).all()
    any_class = label.flatten() > 0, foreground_log_odds(logits).flatten()
    assert one.vessels.auroc() == pytest.approx(roc_auc_score(*any_class), abs=1e-4)


# -- the threshold -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [-3, 0, 2])
def test_best_threshold_is_the_best_there_is(shift):
    """Log-odds on steps of 1/4, among them 0 and 1, which are edges of bins: brute force over every step."""
    log_odds, label = scored("plain", 3000)
    log_odds = torch.round((log_odds + shift) * 4) / 4
    between = torch.sigmoid(torch.arange(-12, 12, 0.25) + 0.125)
    threshold = own_threshold(log_odds, label)
    assert 0 < threshold < 1
    assert overlap(log_odds, label, threshold)["dice"] == max(
        overlap(log_odds, label, float(t))["dice"] for t in between
    )


def test_best_threshold_is_that_of_the_mean_dice():
    """Alone, volumes would have 2 and -2; the mean of their Dice is highest at neither, nor at the mean of the two."""
    one = torch.tensor([2.0, 0.0, 0.0, 0.0, -1.0, -3.0]), torch.tensor([1, 0, 0, 0, 0, 0])
    two = torch.tensor([2.0, -1.0, -1.0, -2.0, -3.0, -4.0]), torch.tensor([1, 1, 1, 1, 0, 0])
    empty = torch.tensor([9.0, 9.0]), torch.tensor([0, 0])
    metric = BestThreshold()
    metric([tally(*volume) for volume in (one, two, empty)], [None] * 3)
    # mean of both Dice when all from 2, 0, -1, -2 on is called: (1 + 2/5) / 2, (2/5 + 2/5) / 2, (2/6 + 6/7) / 2 ...
    expected = {2.0: 0.7, 0.0: 0.4, -1.0: 25 / 42, -2.0: (2 / 6 + 1) / 2}
    for lowest, mean in expected.items():
        just_below = float(torch.sigmoid(torch.tensor(lowest - 0.01)))
        dice = [overlap(*volume, threshold=just_below)["dice"] for volume in (one, two)]
        assert np.mean(dice) == pytest.approx(mean), lowest
    assert metric.aggregate().item() == pytest.approx(torch.sigmoid(torch.tensor(2.0)).item(), rel=1e-3)
    best = BestDice()
    best([tally(*volume) for volume in (one, two, empty)], [None] * 3)
    assert best.aggregate().item() == pytest.approx(max(expected.values()))
    np.testing.assert_allclose(best.get_buffer().flatten(), [1, 1, np.nan])
    best.reset()
    best([tally(*empty)], [None])
    assert np.isnan(best.aggregate().item())
    alone = metric.get_buffer().flatten().tolist()
    assert alone[:2] == pytest.approx(torch.sigmoid(torch.tensor([2.0, -2.0])).tolist(), rel=1e-3)
    assert np.isnan(alone[2])
    metric.reset()
    metric([tally(*two)], [None])
    assert metric.aggregate().item() == pytest.approx(alone[1])
    metric.reset()
    metric([tally(*empty)], [None])
    assert np.isnan(metric.aggregate().item())


@pytest.mark.parametrize("log_odds", [[0.0, 0.0, 0.0], [30.0, 60.0, -30.0], [-20.0, -19.0, -21.0]])
def test_best_threshold_where_all_is_even_or_saturated(log_odds):
    log_odds, label = torch.tensor(log_odds), torch.tensor([1, 1, 0])
    threshold = own_threshold(log_odds, label)
    assert overlap(log_odds, label, threshold)["dice"] == (0.8 if log_odds[0] == 0 else 1.0)


# -- as MONAI's engines use it -----------------------------------------------------------------------------------------


def volume(shape, seed, vessels=True):
    log_odds, label = scored("plain", int(np.prod(shape)), seed)
    pred = torch.stack((torch.zeros_like(log_odds), log_odds)).reshape(2, *shape)
    return {"pred": MetaTensor(pred), "label": MetaTensor((label * vessels).to(torch.int8).reshape(1, *shape))}


def evaluate(volumes, threshold=0.5, **scores):
    """As an evaluator does: one decollated volume an iteration, tallied by the post-processing."""
    post = TallyVoxelsd("pred", threshold=threshold)
    engine = Engine(lambda _, volume: [post(volume)])
    for name, score in scores.items():
        IgniteMetricHandler(metric_fn=score, output_transform=from_engine(["tally", "label"])).attach(engine, name)
    return engine.run(volumes)


def test_scores_are_means_over_volumes_and_not_pooled():
    volumes = [volume((10, 8, 6), 1), volume((20, 16, 12), 2)]
    names = ("auroc", "average_precision", "dice", "recall")
    state = evaluate(volumes, 0.3, **{name: VoxelScores(name) for name in names}, best=BestThreshold())
    flat = [(v["pred"][1].flatten().as_tensor(), v["label"].flatten().as_tensor()) for v in volumes]

    alone = [roc_auc_score(label, log_odds) for log_odds, label in flat]
    assert state.metric_details["auroc"].flatten().tolist() == pytest.approx(alone, abs=1e-4)
    assert state.metrics["auroc"] == pytest.approx(np.mean(alone), abs=1e-4)
    together = roc_auc_score(*(torch.cat(part).numpy() for part in list(zip(*flat, strict=True))[::-1]))
    assert abs(state.metrics["auroc"] - together) > 2e-4

    precision = [average_precision_score(label, log_odds) for log_odds, label in flat]
    assert state.metrics["average_precision"] == pytest.approx(np.mean(precision), abs=1e-4)
    for name in ("dice", "recall"):
        assert state.metrics[name] == pytest.approx(np.mean([overlap(*pair, 0.3)[name] for pair in flat]))
    assert isinstance(state.metrics["best"], float)
    assert state.metric_details["best"].flatten().tolist() == [own_threshold(*pair) for pair in flat]


def test_a_volume_without_vessels_is_left_out_of_the_mean_and_forgotten_afterwards():
    auroc, volumes = VoxelScores("auroc"), [volume((8, 8, 8), 1), volume((6, 6, 6), 2, vessels=False)]
    state = evaluate(volumes, auroc=auroc)
    first, second = state.metric_details["auroc"].flatten().tolist()
    assert np.isnan(second)
    assert state.metrics["auroc"] == pytest.approx(first)
    assert evaluate(volumes[:1], auroc=auroc).metric_details["auroc"].shape == (1, 1)


def test_best_dice_of_several_classes_is_their_mean():
    """Class 1 is ranked right in both volumes, class 2 in the one that has it comes after a voxel of class 0."""
    eye = 9 * torch.eye(3)
    volumes = [
        {"pred": eye[[0, 1]].T.reshape(3, 2, 1, 1), "label": torch.tensor([0, 1]).reshape(1, 2, 1, 1)},
        {"pred": eye[[2, 1, 0]].T.reshape(3, 3, 1, 1), "label": torch.tensor([0, 1, 2]).reshape(1, 3, 1, 1)},
    ]
    state = evaluate(volumes, best=BestDice())
    np.testing.assert_allclose(state.metric_details["best"], [[1, np.nan], [1, 0.5]])
    assert state.metrics["best"] == pytest.approx(0.75)


def test_the_mean_over_classes_weighs_them_alike():
    """Class 1 is found in both volumes, class 2 is there in one alone and missed: (1 + 1) / 2 and 0, not 3 numbers."""
    eye = 9 * torch.eye(3)
    volumes = [
        {"pred": eye[[0, 1]].T.reshape(3, 2, 1, 1), "label": torch.tensor([0, 1]).reshape(1, 2, 1, 1)},
        {"pred": eye[[0, 1, 1]].T.reshape(3, 3, 1, 1), "label": torch.tensor([0, 1, 2]).reshape(1, 3, 1, 1)},
    ]
    state = evaluate(volumes, recall=VoxelScores("recall"))
    np.testing.assert_array_equal(state.metric_details["recall"], [[1, np.nan], [1, 0]])
    assert state.metrics["recall"] == 0.5


def test_what_a_metric_cannot_use():
    with pytest.raises(ValueError, match=r"score must be one of dice, .*, average_precision, got 'AUC'"):
        VoxelScores("AUC")
    for metric in (VoxelScores("dice"), BestThreshold()):
        with pytest.raises(ValueError, match=r"reads tallies, .* from_engine\(\['tally', 'label'\]\)"):
            metric(torch.zeros(1, 2, 3, 3, 3), torch.zeros(1, 1, 3, 3, 3))
