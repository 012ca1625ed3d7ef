"""What is worked out of a volume for its metrics, and that nothing else is."""

import pytest
import torch
from monai.data import MetaTensor

from scripts.metrics import METRICS, CentrelineCounts, PrepareMetricsd, VolumeCounts

VOXELS = ("dice", "precision", "recall", "auroc", "average_precision", "best_dice", "best_threshold")
VOXELS += ("volume_error", "expected_calibration_error")
LINES = ("cldice", "centreline_sensitivity", "length_error")
NEEDS = {
    **dict.fromkeys(VOXELS, "counts"),
    **dict.fromkeys(LINES, "centrelines"),
    **dict.fromkeys(("hausdorff_95", "surface_dice"), "surfaces"),
    **dict.fromkeys(("betti0_error", "betti1_error"), "topology"),
}


@pytest.fixture
def data():
    """Five voxels in a row, the last one not labelled."""
    log_odds = torch.tensor([3.0, 1.0, -1.0, -3.0, 3.0]).reshape(1, 5, 1, 1)
    label = torch.tensor([1, 0, 1, 0, -1]).reshape(1, 5, 1, 1)
    return {"pred": MetaTensor(torch.cat((0 * log_odds, log_odds))), "label": MetaTensor(label), "name": "a"}


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_gets_what_it_needs(metric, data):
    (added,) = PrepareMetricsd("pred", [metric])(data).keys() - data.keys()
    assert added == NEEDS[metric]


def test_several_metrics_share_what_they_need(data):
    out = PrepareMetricsd("pred", [*VOXELS, *LINES])(data)
    assert list(out) == [*data, "counts", "centrelines"]
    assert all(out[name] is value for name, value in data.items())
    assert isinstance(out["counts"], VolumeCounts)
    assert isinstance(out["centrelines"], CentrelineCounts)
    assert "counts" not in data


def test_what_metrics_are_named_makes_no_difference(data):
    assert list(PrepareMetricsd("pred", {"val_dice": "best_dice"})(data)) == [*data, "counts"]


def test_threshold_and_label_key(data):
    data["truth"] = data.pop("label")
    for threshold, confusion in ((0.5, [[1, 1], [1, 1]]), (0.9, [[2, 0], [1, 1]])):
        out = PrepareMetricsd("pred", ["dice", "cldice"], label_key="truth", threshold=threshold)(data)
        assert out["counts"].confusion.tolist() == confusion
        assert out["centrelines"].label.tolist() == [[1, 2]]  # single voxels are their own centrelines


def test_what_is_smoothed_and_cleaned_is_scored(data):
    """Areas under curves are those of the smoothed logits, Dice is that of the cleaned segmentation."""
    shape = data["pred"].shape

    def smooth(given):
        return {**given, "pred": given["pred"].flip(1)}

    def segment(given):
        assert torch.allclose(given["pred"], data["pred"].flip(1).softmax(dim=0))
        return {**given, "pred": torch.ones((1, *shape[1:]), dtype=torch.uint8)}

    out = PrepareMetricsd("pred", ["dice", "auroc", "cldice"], smooth=smooth, segment=segment)(data)
    flipped = VolumeCounts.of(data["pred"].flip(1), data["label"])
    assert out["counts"].scores("auroc") == flipped.scores("auroc")
    assert out["counts"].confusion[:, 0].tolist() == [0, 0]
    assert out["centrelines"].label[0, 0] == out["centrelines"].label[0, 1]
    assert out["pred"] is data["pred"]
