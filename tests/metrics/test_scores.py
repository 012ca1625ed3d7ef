"""Scores over volumes, and the best threshold, against brute force and numbers by hand."""

import re

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.handlers import IgniteMetricHandler, from_engine
from sklearn.metrics import average_precision_score, roc_auc_score

from scripts.metrics import (
    BestDice,
    BestThreshold,
    CentrelineScores,
    SurfaceScores,
    TopologyScores,
    VolumeCounts,
    VoxelScores,
)
from tests.helpers.counts_examples import counts, overlap, own_threshold, scored

# -- the threshold -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [-3, 0, 2])
def test_best_threshold_is_the_best_there_is(shift):
    """Brute force over log-odds in steps of 1/4, among which 0 and 1 are edges of bins."""
    log_odds, label = scored("plain", 3000)
    log_odds = torch.round((log_odds + shift) * 4) / 4
    between = torch.sigmoid(torch.arange(-12, 12, 0.25) + 0.125)
    threshold = own_threshold(log_odds, label)
    assert 0 < threshold < 1
    assert overlap(log_odds, label, threshold)["dice"] == max(
        overlap(log_odds, label, float(t))["dice"] for t in between
    )


def test_best_threshold_is_that_of_the_mean_dice():
    """Alone, the volumes have 2 and -2; that of their mean Dice is not halfway between."""
    one = torch.tensor([2.0, 0.0, 0.0, 0.0, -1.0, -3.0]), torch.tensor([1, 0, 0, 0, 0, 0])
    two = torch.tensor([2.0, -1.0, -1.0, -2.0, -3.0, -4.0]), torch.tensor([1, 1, 1, 1, 0, 0])
    empty = torch.tensor([9.0, 9.0]), torch.tensor([0, 0])
    metric = BestThreshold()
    metric([counts(*volume) for volume in (one, two, empty)], [None] * 3)
    # mean of both Dice when all from 2, 0, -1, -2 on is predicted: (1 + 2/5) / 2, (2/5 + 2/5) / 2, (2/6 + 6/7) / 2 ...
    expected = {2.0: 0.7, 0.0: 0.4, -1.0: 25 / 42, -2.0: (2 / 6 + 1) / 2}
    for lowest, mean in expected.items():
        just_below = float(torch.sigmoid(torch.tensor(lowest - 0.01)))
        dice = [overlap(*volume, threshold=just_below)["dice"] for volume in (one, two)]
        assert np.mean(dice) == pytest.approx(mean), lowest
    assert metric.aggregate().item() == pytest.approx(torch.sigmoid(torch.tensor(2.0)).item(), rel=1e-3)
    best = BestDice()
    best([counts(*volume) for volume in (one, two, empty)], [None] * 3)
    assert best.aggregate().item() == pytest.approx(max(expected.values()))
    np.testing.assert_allclose(best.get_buffer().flatten(), [1, 1, np.nan])
    best.reset()
    best([counts(*empty)], [None])
    assert np.isnan(best.aggregate().item())
    alone = metric.get_buffer().flatten().tolist()
    assert alone[:2] == pytest.approx(torch.sigmoid(torch.tensor([2.0, -2.0])).tolist(), rel=1e-3)
    assert np.isnan(alone[2])
    metric.reset()
    metric([counts(*two)], [None])
    assert metric.aggregate().item() == pytest.approx(alone[1])
    metric.reset()
    metric([counts(*empty)], [None])
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
    """As an evaluator does: one decollated volume an iteration, counted by the post-processing."""
    engine = Engine(lambda _, volume: [{"counts": VolumeCounts.of(volume["pred"], volume["label"], threshold)}])
    for name, score in scores.items():
        IgniteMetricHandler(metric_fn=score, output_transform=from_engine(["counts", "counts"])).attach(engine, name)
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
    """Class 1 is ranked right in both volumes; class 2 comes after a voxel of class 0."""
    eye = 9 * torch.eye(3)
    volumes = [
        {"pred": eye[[0, 1]].T.reshape(3, 2, 1, 1), "label": torch.tensor([0, 1]).reshape(1, 2, 1, 1)},
        {"pred": eye[[2, 1, 0]].T.reshape(3, 3, 1, 1), "label": torch.tensor([0, 1, 2]).reshape(1, 3, 1, 1)},
    ]
    state = evaluate(volumes, best=BestDice())
    np.testing.assert_allclose(state.metric_details["best"], [[1, np.nan], [1, 0.5]])
    assert state.metrics["best"] == pytest.approx(0.75)


def test_the_mean_over_classes_weighs_them_alike():
    """Class 1 is found twice, class 2 missed once: the mean of 1 and 0, not of 1, 1 and 0."""
    eye = 9 * torch.eye(3)
    volumes = [
        {"pred": eye[[0, 1]].T.reshape(3, 2, 1, 1), "label": torch.tensor([0, 1]).reshape(1, 2, 1, 1)},
        {"pred": eye[[0, 1, 1]].T.reshape(3, 3, 1, 1), "label": torch.tensor([0, 1, 2]).reshape(1, 3, 1, 1)},
    ]
    state = evaluate(volumes, recall=VoxelScores("recall"))
    np.testing.assert_array_equal(state.metric_details["recall"], [[1, np.nan], [1, 0]])
    assert state.metrics["recall"] == 0.5


@pytest.mark.parametrize(
    ("metric", "score", "remedy"),
    [
        (VoxelScores, "AUC", "did you mean auroc?"),
        (VoxelScores, "cldice", "did you mean dice?"),
        (TopologyScores, "voxels", "give one of betti0_error, betti1_error"),
        (SurfaceScores, "hausdorff", "did you mean hausdorff_95?"),
        (CentrelineScores, "skeleton", "give one of cldice, centreline_sensitivity, length_error"),
    ],
)
def test_unknown_scores_are_refused(metric, score, remedy):
    with pytest.raises(ValueError, match=f"^score '{score}': is not known; {re.escape(remedy)}$"):
        metric(score)


@pytest.mark.parametrize("metric", [VoxelScores("dice"), CentrelineScores("cldice"), BestThreshold(), BestDice()])
def test_metrics_do_not_read_tensors(metric):
    with pytest.raises(
        ValueError, match=f"takes the statistics under {metric.NEEDS.KEY!r}, not tensors; .* scripts.metrics.handlers"
    ):
        metric(torch.zeros(1, 2, 3, 3, 3), torch.zeros(1, 1, 3, 3, 3))
