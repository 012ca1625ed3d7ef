"""Logits of several scales and of the voxel classifier, box by box and in memory."""

import numpy as np
import torch
from monai.data import MetaTensor

from scripts.core import slices
from scripts.inference.blockwise.logits.combined import MeanOfScales, WithClassifier
from scripts.inference.resampling import resample
from scripts.inference.voxelwise import average, classified
from scripts.network import VoxelClassifier
from scripts.transforms import FEATURES
from tests.inference.blockwise.examples import Held, tubes, whole

SHAPE = (50, 41, 20)
BOX = ((7, 30), (0, 41), (5, 20))


def some(shape, seed=0):
    return np.random.default_rng(seed).normal(size=(1, *shape)).astype(np.float32)


def test_the_mean_of_scales_is_that_of_the_whole():
    own, half = some(SHAPE), some((25, 20, 16), 1)
    found = MeanOfScales(SHAPE, [Held(own), Held(half)])
    expected = (own + resample(torch.from_numpy(half)[None], SHAPE)[0].numpy()) / 2
    np.testing.assert_allclose(found.read(whole(SHAPE)), expected, atol=5e-6)
    np.testing.assert_allclose(found.read(BOX), expected[(0, *slices(BOX))][None], atol=5e-6)


def test_the_classifier_sees_the_surroundings_of_a_box():
    torch.manual_seed(0)
    classifier = VoxelClassifier(FEATURES, 2).eval()
    for weights in classifier.parameters():
        torch.nn.init.normal_(weights, std=0.5)
    classifier.share.data.fill_(0.4)
    affine, image, logits = np.diag([1, 1, 3, 1.0]), tubes(SHAPE), some(SHAPE)
    both = MetaTensor(torch.from_numpy(np.concatenate([np.zeros_like(logits), logits]))).as_tensor()
    average(both, classified(classifier, torch.from_numpy(image), affine), 0.4)
    expected = (both[1:] - both[:1]).detach().numpy()
    found = WithClassifier(Held(logits), Held(image), classifier, affine)
    assert found.shape == SHAPE
    np.testing.assert_allclose(found.read(BOX), expected[(0, *slices(BOX))][None], atol=1e-5)
