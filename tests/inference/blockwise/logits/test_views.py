"""Turns and flips read box by box are those of the whole volume."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scripts.core import slices
from scripts.inference.augmented import views
from scripts.inference.blockwise.logits.views import MeanOfViews, TurnedImage, turns_of


class Held:
    """An image, or logits, in memory."""

    def __init__(self, voxels):
        self.voxels, self.shape = voxels, voxels.shape[-3:]

    def read(self, box):
        return self.voxels[(..., *slices(box))]


@pytest.mark.parametrize("spacing", [(1, 1, 4), (1, 4, 1)])
def test_views_are_those_that_are_seen_in_memory(spacing):
    affine = np.diag([*spacing, 1.0])
    voxels = np.random.default_rng(0).random((7, 5, 6), dtype=np.float32)
    turns = turns_of((7, 5, 6), affine)
    expected = [view for view, _ in views(MetaTensor(voxels[None, None], affine=affine))]
    assert len(turns) == len(expected) == 8
    for turn, view in zip(turns, expected, strict=True):
        turned = TurnedImage(Held(voxels), turn)
        assert turned.shape == view.shape[2:]
        box = tuple((1, size - 1) for size in turned.shape)
        assert np.array_equal(turned.read(box), view[(0, 0, *slices(box))])


def test_logits_are_turned_back_and_averaged():
    voxels = np.random.default_rng(1).normal(size=(7, 5, 6)).astype(np.float32)
    turns = turns_of((7, 5, 6), np.eye(4))
    whole = tuple((0, size) for size in (7, 5, 6))
    found = [
        (Held(TurnedImage(Held(voxels), turn).read(tuple((0, size) for size in turn.turned_shape))[None]), turn)
        for turn in turns
    ]
    mean = MeanOfViews((7, 5, 6), found)
    np.testing.assert_allclose(mean.read(whole)[0], voxels, rtol=1e-6)
    np.testing.assert_allclose(mean.read(((2, 4), (0, 5), (5, 6)))[0], voxels[2:4, :, 5:], rtol=1e-6)
    assert np.all(mean.spread(whole) < 1e-6)


def test_spread_is_the_deviation_of_probabilities():
    turns = turns_of((2, 2, 2), np.eye(4))[:2]
    found = [(Held(np.full((1, 2, 2, 2), value, np.float32)), turn) for value, turn in zip((0, 50), turns, strict=True)]
    spread = MeanOfViews((2, 2, 2), found).spread(((0, 2),) * 3)
    np.testing.assert_allclose(spread, 0.25)  # of 0.5 and 1
    assert torch.tensor(spread).dtype == torch.float32
