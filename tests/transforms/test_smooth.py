"""The Gaussian against SciPy's, and less of it across thick slices."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy import ndimage

from scripts.transforms import SmoothLogitsd, SmoothProbabilityd, sigma_of_axes, smooth, smooth_in_place


def probabilities(shape, classes=2):
    return torch.rand((classes, *shape), generator=torch.Generator().manual_seed(0)).softmax(dim=0)


@pytest.mark.parametrize("slab", [1, 1 << 22])
def test_it_is_the_gaussian_of_scipy_in_the_same_memory(slab, monkeypatch):
    monkeypatch.setattr(smooth, "SLAB", slab)
    before = probabilities((20, 17, 9))
    expected = [ndimage.gaussian_filter(each.numpy(), (0.7, 1.3, 0), mode="nearest", truncate=4) for each in before]
    found, memory = before.clone(), None
    memory = found.data_ptr()
    assert smooth_in_place(found, (0.7, 1.3, 0.1)).data_ptr() == memory
    np.testing.assert_allclose(found, np.stack(expected), atol=2e-5)
    assert torch.allclose(found.sum(dim=0), torch.ones(20, 17, 9))


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 3), (3, 40, 2)], ids=str)
def test_what_is_constant_stays_so_in_volumes_of_any_size(shape):
    found = smooth_in_place(torch.full((2, *shape), 0.25), (2.0, 2.0, 2.0))
    assert torch.allclose(found, torch.tensor(0.25))


@pytest.mark.parametrize(
    ("spacing", "expected"),
    [((1, 1, 1), (0.7, 0.7, 0.7)), ((1, 1, 5), (0.7, 0.7, 0.14)), ((6, 0.3, 0.3), (0.035, 0.7, 0.7))],
)
def test_thick_slices_are_smoothed_less(spacing, expected):
    assert sigma_of_axes(0.7, np.diag([*spacing, 1.0])) == pytest.approx(expected)


def test_a_point_in_a_stack_of_thick_slices_stays_in_its_slice():
    point = torch.zeros(2, 5, 5, 5)
    point[1, 2, 2, 2] = 1
    stack = MetaTensor(point, affine=torch.diag(torch.tensor([1.0, 1.0, 5.0, 1.0])))
    found = SmoothProbabilityd("pred", 0.7)({"pred": stack})["pred"][1]
    assert found[:, :, 2].sum() == pytest.approx(1, abs=1e-3)
    assert 0 < found[1, 2, 2] < found[2, 2, 2] < 1


def test_logits_are_those_of_the_smoothed_probabilities():
    logits = torch.randn(3, 6, 6, 6, generator=torch.Generator().manual_seed(1))
    kept = logits.clone()
    found = SmoothLogitsd("pred", 1.0)({"pred": logits})["pred"]
    expected = smooth_in_place(logits.softmax(dim=0), (1.0, 1.0, 1.0))
    assert torch.allclose(found.softmax(dim=0), expected, atol=1e-6)
    assert torch.equal(logits, kept)
    assert SmoothLogitsd("pred", 0.0)({"pred": logits})["pred"] is logits


def test_certain_logits_stay_finite():
    logits = torch.tensor([[0.0] * 4, [-200.0] * 4]).reshape(2, 4, 1, 1)
    assert SmoothLogitsd("pred", 1.0)({"pred": logits})["pred"].isfinite().all()
