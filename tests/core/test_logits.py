"""The decision rule, on numbers that one can work out by hand."""

import pytest
import torch

from scripts.core import apply_threshold, foreground_log_odds, is_finite, planes_per_slab, segmentation_of
from scripts.core import logits as logits_module


def test_log_odds_of_several_classes():
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    p = logits.double().softmax(0)
    torch.testing.assert_close(foreground_log_odds(logits), torch.logit(1 - p[0]).float())
    for channel in range(3):
        torch.testing.assert_close(foreground_log_odds(logits, channel), torch.logit(p[channel]).float())
    saturated = torch.tensor([[60.25], [-60.0]]).bfloat16()
    assert foreground_log_odds(saturated).item() == -120.25


def test_one_vessel_class_has_to_exceed_the_threshold():
    vessel = torch.tensor([0.29, 0.3, 0.31])
    assert apply_threshold(torch.stack([1 - vessel, vessel]), 0.3).tolist() == [[0, 0, 1]]


def test_several_vessel_classes_exceed_it_together_and_the_likeliest_wins():
    probability = torch.tensor([[0.4, 0.6, 0.2], [0.35, 0.3, 0.1], [0.25, 0.1, 0.7]])  # (K, voxels)
    decided = apply_threshold(probability, 0.5)
    assert decided.tolist() == [[1, 0, 2]]  # 0.6 of the first is vessel, though background is likelier than each
    assert decided.dtype == torch.uint8


@pytest.mark.parametrize("classes", [2, 4])
def test_slabs_change_nothing(classes, monkeypatch):
    logits = torch.randn(classes, 7, 5, 4, generator=torch.Generator().manual_seed(0))
    whole = apply_threshold(logits.softmax(0), 0.4)
    monkeypatch.setattr(logits_module, "SLAB", 40)
    assert planes_per_slab(logits) == 2  # of 20 voxels
    assert torch.equal(segmentation_of(logits, 0.4), whole)


def test_a_plane_larger_than_a_slab_is_one(monkeypatch):
    monkeypatch.setattr(logits_module, "SLAB", 3)
    assert planes_per_slab(torch.zeros(2, 7, 5, 4)) == 1


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("where", [0, -1])
def test_one_logit_that_is_not_finite_is_found(bad, where):
    logits = torch.full((2, 3, 4, 5), 3.4e38)  # whose sum would overflow
    assert is_finite(logits)
    logits.view(-1)[where] = bad
    assert not is_finite(logits)
