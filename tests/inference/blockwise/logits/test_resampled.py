"""Resampling box by box gives what resampling the whole gives."""

import numpy as np
import pytest
import torch

from scripts.core import slices
from scripts.inference.blockwise.logits.resampled import resampled
from scripts.inference.resampling import resample


@pytest.mark.parametrize(
    ("own", "shape"),
    [
        ((40, 36, 20), (20, 18, 20)),
        ((41, 37, 21), (20, 18, 16)),  # means of unequal numbers of voxels
        ((20, 18, 16), (41, 37, 21)),
        ((10, 9, 15), (40, 36, 15)),
        ((12, 12, 12), (12, 12, 12)),
    ],
)
@pytest.mark.parametrize("channels", [0, 2])
def test_boxes_are_those_of_the_whole(own, shape, channels):
    volume = torch.from_numpy(np.random.default_rng(0).normal(size=(1, max(1, channels), *own)).astype(np.float32))
    whole = resample(volume, shape)[0]
    stored = volume[0].numpy() if channels else volume[0, 0].numpy()
    asked = []

    def read(box):
        asked.append(box)
        return stored[(..., *slices(box))]

    for box in (((0, 5), (3, 9), (0, shape[2])), ((shape[0] - 7, shape[0]), (0, shape[1]), (2, 3))):
        found = resampled(read, own, shape, box)
        expected = whole[(slice(None), *slices(box))] if channels else whole[(0, *slices(box))]
        np.testing.assert_allclose(found, expected.numpy(), atol=2e-6)
    assert all(0 <= start < stop <= size for box in asked for (start, stop), size in zip(box, own, strict=True))


def test_only_what_is_needed_is_read():
    asked = []

    def read(box):
        asked.append(box)
        return np.zeros([stop - start for start, stop in box], np.float32)

    resampled(read, (100, 100, 100), (50, 50, 50), ((10, 20), (0, 1), (49, 50)))
    assert asked == [((20, 40), (0, 2), (98, 100))]
