"""By blocks the network finds what it finds in memory: at one size and at several, of two classes and of three."""

import logging

import numpy as np
import pytest
import torch

from tests.inference.blockwise.examples import Held, convolution, in_memory, narrow, scales, tubes, whole

SHAPES = [(70, 96, 33), (129, 40, 15), (64, 64, 64), (33, 65, 97), (100, 32, 31)]


@pytest.mark.parametrize("overlap", [0.25, 0.5])
@pytest.mark.parametrize("side", [32, 48, 64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_whatever_the_blocks_logits_are_those_in_memory(tmp_path, shape, side, overlap):
    image, network = tubes(shape), convolution()
    found = scales(tmp_path, side, network, overlap=overlap).logits(Held(image))
    expected = in_memory(image, network, overlap=overlap)
    assert expected.std() > 0.01  # or nothing would be compared
    np.testing.assert_allclose(found.read(whole(shape)), expected, atol=1e-5)


def test_tubenet_itself(tmp_path):
    shape = (70, 40, 33)
    image = tubes(shape)
    found = scales(tmp_path, 40, narrow(), overlap=0.25).logits(Held(image))
    np.testing.assert_allclose(found.read(whole(shape)), in_memory(image, narrow(), overlap=0.25), atol=1e-5)


def test_three_classes(tmp_path):
    shape, network = (70, 40, 33), convolution(3)
    image = tubes(shape)
    found = scales(tmp_path, 32, network, classes=3).logits(Held(image))
    np.testing.assert_allclose(found.read(whole(shape)), in_memory(image, network), atol=1e-5)


@pytest.mark.parametrize("scale", [0.5, 1.5])
def test_another_size(tmp_path, scale):
    shape, network = (70, 50, 20), convolution()
    image, affine = tubes(shape), np.diag([1, 1, 3, 1.0])
    found = scales(tmp_path, 32, network, affine, scale=scale).logits(Held(image))
    expected = in_memory(image, network, affine, scale=scale)
    np.testing.assert_allclose(found.read(whole(shape)), expected, atol=1e-5)


@pytest.mark.parametrize(("radius", "coarser"), [(3, False), (14, True)])
def test_wide_vessels_are_seen_at_smaller_sizes_too(tmp_path, caplog, radius, coarser):
    """The network here says what the image says, so that the width of the tube decides."""

    def network(x):
        return torch.cat([2 - 4 * x, 4 * x - 2], dim=1)

    image = (tubes((96, 80, 72), radius=radius) > 0.5).astype(np.float32)
    caplog.set_level(logging.INFO)
    found = scales(tmp_path, 48, network, scale="auto").logits(Held(image))
    np.testing.assert_allclose(found.read(whole(image.shape)), in_memory(image, network, scale="auto"), atol=1e-5)
    assert ("wide vessels: seen at 48×40×36, 24×20×18 voxels too" in caplog.text) == coarser


def test_boxes_of_the_mean_of_sizes_are_those_of_the_whole(tmp_path):
    shape, network = (70, 66, 64), convolution()
    found = scales(tmp_path, 32, network, scale=0.5).logits(Held(tubes(shape)))
    box = ((3, 40), (60, 66), (0, 17))
    np.testing.assert_allclose(found.read(box), found.read(whole(shape))[:, 3:40, 60:66, 0:17], atol=1e-6)


def test_views(tmp_path):
    shape, network = (50, 40, 20), convolution()
    image = tubes(shape)
    mean = scales(tmp_path, (32, 40, 20), network).views(Held(image)).read(whole(shape))
    expected = []
    for swapped in (False, True):
        for axes in ((), (0,), (1,), (0, 1)):
            view = np.flip(image.transpose(1, 0, 2) if swapped else image, axes)
            back = np.flip(in_memory(np.ascontiguousarray(view), network), [axis + 1 for axis in axes])
            expected.append(back.transpose(0, 2, 1, 3) if swapped else back)
    np.testing.assert_allclose(mean, np.mean(expected, axis=0), atol=1e-5)
