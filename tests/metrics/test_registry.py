"""Metrics by name: the handlers that they become, under which names, and what is refused."""

import re

import numpy as np
import pytest
import torch
from ignite.engine import Engine

from scripts.metrics import (
    METRICS,
    CentrelineCounts,
    PrepareMetricsd,
    SurfaceCounts,
    TopologyCounts,
    VolumeCounts,
    handlers,
)

STATISTICS = (VolumeCounts, CentrelineCounts, SurfaceCounts, TopologyCounts)
NAMES = (*(name for each in STATISTICS for name in each.SCORES), "best_dice", "best_threshold")
LENGTH = 20


def volume(found, vessel=LENGTH):
    """A straight line of `vessel` voxels, of which `found` are predicted."""
    along = torch.arange(LENGTH)[:, None, None].expand(LENGTH, 3, 3).clone()
    along[:, [0, 2]], along[:, :, [0, 2]] = LENGTH, LENGTH  # beside it
    log_odds = torch.where(along < found, 2.0, -2.0)
    return {"pred": torch.stack((0 * log_odds, log_odds)), "label": (along < vessel).to(torch.int8)[None]}


def evaluated(metrics, volumes, threshold=0.5):
    """The metrics, and the rows of each, as an evaluator has them in the end."""
    prepare = PrepareMetricsd("pred", metrics, threshold=threshold)
    engine = Engine(lambda _, volume: [prepare(volume)])
    for name, handler in handlers(metrics).items():
        handler.attach(engine, name)
    state = engine.run(volumes)
    return state.metrics, {name: rows.flatten().tolist() for name, rows in state.metric_details.items()}


def test_every_metric_by_its_name():
    """Half of one vessel is found and all of another: recall 1/2 and 1, Dice 2/3 and 1."""
    metrics, rows = evaluated(NAMES, [volume(LENGTH // 2), volume(LENGTH)])
    assert list(metrics) == list(NAMES)
    assert set(NAMES) == set(METRICS)
    for name in ("dice", "cldice"):
        assert rows[name] == pytest.approx([2 / 3, 1]), name
    for name in ("recall", "centreline_sensitivity"):
        assert rows[name] == [0.5, 1], name
    assert rows["precision"] == [1, 1]
    assert rows["volume_error"] == [0.5, 0]
    assert rows["length_error"] == pytest.approx([10 / 19, 0])  # 20 voxels have 19 links
    assert rows["hausdorff_95"] == pytest.approx([9.05, 0])  # of 20 distances, 0 to 10: between the last two
    assert rows["surface_dice"] == pytest.approx([(10 + 11) / 30, 1])
    assert rows["betti0_error"] == rows["betti1_error"] == [0, 0]
    assert rows["auroc"] == pytest.approx([0.75, 1])
    assert metrics["dice"] == pytest.approx(5 / 6)
    assert metrics["best_dice"] == pytest.approx(5 / 6)
    assert 0.1 < metrics["best_threshold"] <= torch.sigmoid(torch.tensor(2.0))


def test_other_names():
    metrics, rows = evaluated({"val_dice": "best_dice", "threshold": "best_threshold"}, [volume(LENGTH)])
    assert list(metrics) == list(rows) == ["val_dice", "threshold"]
    assert metrics["val_dice"] == 1


def test_one_metric_needs_no_list():
    assert list(handlers("dice")) == ["dice"]


def test_the_threshold_and_what_is_undefined():
    """Without vessel there is nothing to recall, and such a volume is left out of the mean."""
    metrics, rows = evaluated(["recall", "centreline_sensitivity"], [volume(LENGTH), volume(0, vessel=0)])
    for name, row in rows.items():
        np.testing.assert_array_equal(row, [1, np.nan])
        assert metrics[name] == 1
    assert evaluated(["recall"], [volume(LENGTH)], threshold=0.95)[0] == {"recall": 0}  # above the sigmoid of 2


def test_each_handler_has_a_metric_of_its_own():
    """Training has one for validation and one for the test set, and volumes do not mix."""
    one, two = (evaluated(["dice"], [volume(found)])[0] for found in (LENGTH, LENGTH // 2))
    assert (one["dice"], two["dice"]) == (1, pytest.approx(2 / 3))


@pytest.mark.parametrize(
    ("metric", "remedy"),
    [
        ("AUC", "did you mean auroc?"),
        ("clDice", "did you mean cldice?"),
        ("centerline_sensitivity", "did you mean centreline_sensitivity?"),
        ("voxels", f"give one of {', '.join(METRICS)}"),
    ],
)
def test_unknown_metrics_are_refused(metric, remedy):
    for make in (handlers, lambda metrics: PrepareMetricsd("pred", metrics)):
        for metrics in (["dice", metric], {"dice": "dice", "mine": metric}):
            with pytest.raises(ValueError, match=f"^metric '{metric}': does not exist; {re.escape(remedy)}$"):
                make(metrics)
