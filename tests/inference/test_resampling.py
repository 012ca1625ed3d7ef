"""Sizes worked out by hand, and volumes that stay where they are when they are resampled."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from scripts.inference import shape_at
from scripts.inference.resampling import add_resampled, resample


def spaced(*sizes):
    return np.diag([*sizes, 1.0])


@pytest.mark.parametrize(
    ("scale", "shape", "sizes", "expected"),
    [
        (1, (101, 65, 15), (1, 1, 5), (101, 65, 15)),
        (0.5, (100, 101, 99), (1, 1, 1), (50, 50, 50)),  # 50.5 and 49.5 are rounded to even
        (0.25, (512, 512, 512), (3, 3, 3), (128, 128, 128)),
        # 5 times coarser across: brought to the size of the others, or left
        (0.5, (512, 512, 100), (1, 1, 5), (256, 256, 100)),
        (0.25, (512, 512, 100), (1, 1, 5), (128, 128, 100)),
        (0.1, (512, 512, 100), (1, 1, 5), (51, 51, 50)),
        (0.25, (512, 512, 100), (0.001, 0.001, 0.002), (128, 128, 50)),
        (0.5, (100, 400, 400), (5, 1, 1), (100, 200, 200)),
        (0.5, (400, 100, 100), (1, 2, 5), (200, 100, 100)),  # the finer of the two in plane is meant
        (0.5, (200, 200, 1000), (4, 4, 1), (100, 100, 500)),  # finer than those in plane: as they
        # short axes keep 16 voxels, or what they have
        (0.5, (512, 512, 15), (1, 1, 1), (256, 256, 15)),
        (0.25, (512, 512, 40), (1, 1, 1), (128, 128, 16)),
        (0.25, (8, 8, 8), (1, 1, 1), (8, 8, 8)),
        (0.02, (5000, 20, 3), (1, 1, 1), (100, 16, 3)),
        # enlarging keeps proportions
        (2, (10, 11, 3), (1, 1, 5), (20, 22, 6)),
        (1.5, (9, 8, 1), (1, 1, 1), (14, 12, 2)),
    ],
)
def test_sizes(scale, shape, sizes, expected):
    assert shape_at(scale, shape, spaced(*sizes)) == expected


def test_sizes_depend_on_proportions_of_the_voxel_and_not_on_how_it_lies():
    turned = spaced(2, 0.4, 0.4)[:, [1, 0, 2, 3]] * [1, -1, 1, 1]  # array axis 1 runs along -x, the coarse one
    turned[:3, 3] = 7, 8, 9
    assert shape_at(0.5, (100, 60, 80), turned) == (50, 60, 40)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1)])
def test_shrinking_is_the_mean_and_keeps_the_place(axes):
    """Halved, 0 1 2 .. 15 along an axis is .5 2.5 ..; brought back, it is linear again."""
    ramp = torch.arange(16.0).reshape(16, 1, 1).expand(16, 18, 20).permute(axes)[None, None]
    halved = resample(ramp, [size // 2 for size in ramp.shape[2:]])
    line = halved.permute(0, 1, *(2 + np.argsort(axes))).contiguous()[0, 0, :, 3, 3]
    assert line.tolist() == [0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5, 14.5]
    back = resample(halved, ramp.shape[2:]).permute(0, 1, *(2 + np.argsort(axes)))[0, 0, :, 7, 7]
    torch.testing.assert_close(back[1:-1], torch.arange(1.0, 15))
    assert resample(ramp, ramp.shape[2:]) is ramp


def test_odd_sizes_keep_the_field_of_view():
    """The centre of mass of a ball stays, in parts of the volume, whatever the rounding."""
    shape, centre = (45, 37, 29), np.array([20, 21, 13])
    ball = ((np.stack(np.indices(shape), axis=-1) - centre) ** 2).sum(axis=-1) < 64
    image = torch.from_numpy(ball).float()[None, None]
    for scale in (0.5, 0.7, 1.5):
        other = resample(image, shape_at(scale, shape, np.eye(4)))
        weights = other[0, 0].numpy() / other.sum().item()
        places = [(index + 0.5) / size for index, size in zip(np.indices(weights.shape), weights.shape, strict=True)]
        centre_of_mass = [(place * weights).sum() for place in places]
        np.testing.assert_allclose(centre_of_mass, (centre + 0.5) / shape, atol=0.01)


def test_logits_are_added_class_by_class():
    torch.manual_seed(0)
    total, other = torch.rand(2, 3, 20, 18, 17), torch.rand(2, 3, 10, 9, 17)
    expected = total + F.interpolate(other, size=(20, 18, 17), mode="trilinear")
    add_resampled(total, other)
    torch.testing.assert_close(total, expected)
