"""The option `scale`: sizes worked out by hand, tubes of known width, and a network that knows one width only."""

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from torch.nn import functional as F

from scripts.core import read_scale
from scripts.inference import GridInferer
from scripts.inference.multiscale import add_resampled, affine_of, coarser_shapes, resample, shape_at, share_resolved


def spaced(*sizes):
    return np.diag([*sizes, 1.0])


def tube(radius, shape=(64, 64, 64)):
    """(1, 1, X, Y, Z): 1 within a straight tube along X, else 0."""
    _, y, z = np.indices(shape) + 0.5
    inside = (y - shape[1] / 2) ** 2 + (z - shape[2] / 2) ** 2 < radius**2
    return torch.from_numpy(inside).float()[None, None]


def bar(side, shape=(64, 64, 64)):
    """(1, 1, X, Y, Z): 1 in a bar along X of a square cross-section, which begins at 16."""
    image = torch.zeros(1, 1, *shape)
    image[..., 16 : 16 + side, 16 : 16 + side] = 1
    return image


def as_logits(image):
    """Sure of vessel where the image is 1, of background where it is 0."""
    return torch.cat((8 - 16 * image, 16 * image - 8), dim=1)


def narrow_only(reach, inside=-8.0):
    """A network that is sure of vessel up to `reach` voxels from its walls along Y, of `inside` log-odds beyond."""

    def network(x):
        deep = -F.max_pool3d(-F.pad(x, (0, 0, reach, reach, 0, 0)), (1, 2 * reach + 1, 1), stride=1)
        log_odds = torch.where(x > 0.5, torch.where(deep > 0.5, inside, 8.0), -8.0)
        return torch.cat((-log_odds, log_odds), dim=1)

    return network


class Recorder:
    """A network that keeps the shapes that it is shown."""

    def __init__(self, network=as_logits):
        self.network, self.shapes = network, []

    def __call__(self, x):
        self.shapes.append(tuple(x.shape[2:]))
        return self.network(x)


def inferer(**options):
    return GridInferer((64, 64, 64), mode="gaussian", overlap=0.5, divisor=8, **options)


def found(logits):
    return logits[:, 1:] > logits[:, :1]


def dice(one, two):
    return 2 * (one & two).sum().item() / (one.sum() + two.sum()).item()


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
    """Of 0 1 2 .. 15 along an axis, the halves are .5, 2.5, ..; brought back, what was linear still is."""
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


def test_a_wide_vessel_looks_like_a_narrow_one_at_a_quarter():
    image = tube(radius=16)
    real = image > 0.5
    whole, half, quarter = (found(inferer(scale=scale)(image, narrow_only(4))) for scale in (1, 0.5, 0.25))
    assert dice(whole, real) < 0.6
    assert dice(whole, real) < dice(half, real) < 0.9
    assert dice(quarter, real) > 0.97
    plate = torch.zeros(1, 1, 64, 64, 64)
    plate[:, :, :, 16:48] = 1
    assert torch.equal(found(inferer(scale=0.25)(plate, narrow_only(4))), plate > 0.5)


def test_a_thread_looks_wider_enlarged():
    """A network to which what is one voxel wide is noise."""
    image = torch.zeros(1, 1, 16, 16, 16)
    image[..., 8, 8] = 1

    def wide_only(x):
        smooth = F.avg_pool3d(x, (1, 3, 3), stride=1, padding=(0, 1, 1))
        return torch.cat((torch.full_like(x, 0.4), smooth), dim=1)

    assert not found(inferer(scale=1)(image, wide_only)).any()
    assert dice(found(inferer(scale=4)(image, wide_only)), image > 0.5) == 1


@pytest.mark.parametrize("scale", [1, "1", 1.0, 1.004])
def test_at_1_nothing_is_resampled(scale):
    """Nor where the number of voxels would not change."""
    torch.manual_seed(0)
    image, network = torch.rand(1, 1, 70, 33, 15), Recorder()
    usual = inferer()(image, as_logits)
    assert torch.equal(inferer(scale=scale)(image, network), usual)
    assert network.shapes == [(64, 40, 16)] * 2


@pytest.mark.parametrize("scale", [0.25, "auto"])
def test_what_is_too_small_to_shrink_is_seen_as_it_is(scale):
    image, network = torch.ones(1, 1, 8, 8, 8), Recorder()
    assert torch.equal(inferer(scale=scale)(image, network), as_logits(image))
    assert network.shapes == [(8, 8, 8)]


@pytest.mark.parametrize(("shape", "passes"), [((63, 80, 80), 1), ((64, 80, 80), 3), ((80, 80, 20), 3)])
def test_auto_needs_64_voxels_in_plane(shape, passes):
    network = Recorder()
    GridInferer((128, 128, 128), divisor=8, scale="auto")(torch.ones(1, 1, *shape), network)
    assert len(network.shapes) == passes


@pytest.mark.parametrize(
    ("side", "half", "quarter"),
    [
        (1, 0, 0),
        (2, 1, 0),
        (3, 4 / 9, 0),
        (6, 1, 16 / 36),
        (7, 36 / 49, 16 / 49),
        (8, 1, 1),
        (11, 100 / 121, 64 / 121),
    ],
)
def test_the_share_that_fills_whole_voxels(side, half, quarter):
    """Of a bar whose cross-section is `side` x `side` voxels: the pairs, or fours, along both of its sides."""
    logits = as_logits(bar(side))
    assert share_resolved(logits, (32, 32, 32)) == pytest.approx(half, abs=1e-6)
    assert share_resolved(logits, (16, 16, 16)) == pytest.approx(quarter, abs=1e-6)
    assert coarser_shapes(logits, np.eye(4)) == ([(32, 32, 32), (16, 16, 16)] if quarter >= 0.5 else [])


def test_several_classes_are_one_vessel_and_none_is_none():
    wide = bar(8)
    artery, vein = wide * (torch.arange(64) < 20), wide * (torch.arange(64) >= 20)
    logits = torch.cat((8 - 16 * wide, 16 * artery - 8, 16 * vein - 8), dim=1)
    assert share_resolved(logits, (16, 16, 16)) == 1
    assert share_resolved(as_logits(0 * wide), (32, 32, 32)) == 0
    assert coarser_shapes(as_logits(0 * wide), np.eye(4)) == []


def test_auto_averages_the_logits_of_three_sizes():
    network, image = Recorder(), bar(11)
    logits = inferer(scale="auto")(image, network)
    assert network.shapes == [(64, 64, 64), (32, 32, 32), (16, 16, 16)]
    expected = as_logits(image)
    for size in (32, 16):
        small = F.interpolate(image, size=(size,) * 3, mode="area")
        expected = expected + F.interpolate(as_logits(small), size=(64, 64, 64), mode="trilinear")
    torch.testing.assert_close(logits, expected / 3, atol=1e-5, rtol=1e-5)


def test_auto_on_thin_vessels_is_the_usual_result():
    network, image = Recorder(), bar(1)
    assert torch.equal(inferer(scale="auto")(image, network), inferer()(image, as_logits))
    assert network.shapes == [(64, 64, 64)]


def test_auto_finds_the_inside_of_a_wide_vessel():
    """Of which the network finds much at first, and is unsure of the rest."""
    image, network = tube(radius=24), narrow_only(12, inside=-2)
    real = image > 0.5
    once, several = (found(inferer(scale=scale)(image, network)) for scale in (1, "auto"))
    assert dice(once, real) < 0.85
    assert dice(several, real) > 0.97


def test_auto_leaves_the_coarse_axis_of_a_stack():
    network = Recorder()
    image = MetaTensor(bar(16, shape=(64, 64, 40)), affine=torch.from_numpy(spaced(1, 1, 5)))
    inferer(scale="auto")(image, network)
    assert network.shapes == [(64, 64, 40), (32, 32, 40), (16, 16, 40)]


@pytest.mark.parametrize("scale", [0.5, 0.3, 1.5, "auto"])
@pytest.mark.parametrize("shape", [(81, 66, 15), (69, 77, 29)])
def test_shape_affine_and_metadata_stay(scale, shape):
    affine = torch.diag(torch.tensor([0.5, 0.5, 2, 1], dtype=torch.float64))
    affine[:3, 3] = torch.tensor([7, 8, 9])
    image = MetaTensor(torch.ones(1, *shape), affine=affine, meta={"filename_or_obj": "a.tif"})
    (batch,) = DataLoader(Dataset([{"image": image}]), batch_size=1)
    network = Recorder()
    logits = inferer(scale=scale)(batch["image"], network)
    assert len(set(network.shapes)) > (scale == "auto")
    (one,) = decollate_batch(logits)
    assert one.shape == (2, *shape)
    assert one.dtype == torch.float32
    assert torch.equal(one.affine, affine)
    assert one.meta["filename_or_obj"] == "a.tif"
    assert torch.equal(batch["image"].as_tensor()[0], image.as_tensor())
    torch.testing.assert_close(one.as_tensor(), as_logits(torch.ones(1, 1, *shape))[0])


@pytest.mark.parametrize("scale", [0.5, "auto"])
def test_log_odds_beyond_what_a_probability_holds_stay_apart(scale):
    image = bar(16) * torch.linspace(0.6, 1, 64)[:, None, None]  # brighter along X
    logits = inferer(scale=scale)(image, lambda x: 1000 * as_logits(x))
    log_odds = (logits[0, 1] - logits[0, 0])[:, 24, 24]
    assert torch.isfinite(logits).all()
    assert (log_odds.diff()[2:-2] > 10).all()
    assert log_odds[-1] > 10000


@pytest.mark.parametrize("scale", [0.5, "auto"])
def test_bfloat16_at_every_size(scale):
    conv, inside = torch.nn.Conv3d(1, 2, 1), []
    torch.nn.init.constant_(conv.bias, 0)
    torch.nn.init.constant_(conv.weight[0], -1)
    torch.nn.init.constant_(conv.weight[1], 1)
    conv.register_forward_hook(lambda _, __, output: inside.append(output.dtype))
    with torch.no_grad():
        logits = inferer(scale=scale, amp=True)(torch.ones(1, 1, 64, 64, 64), conv)
    assert inside == [torch.bfloat16] * (3 if scale == "auto" else 1)
    assert torch.equal(logits, torch.stack((-torch.ones(64, 64, 64), torch.ones(64, 64, 64)))[None])


def test_no_metadata_is_no_voxel_size():
    np.testing.assert_array_equal(affine_of(torch.zeros(1, 1, 4, 4, 4)), np.eye(4))


@pytest.mark.parametrize(
    ("value", "scale"), [("auto", "auto"), ("AUTO ", "auto"), ("0.5", 0.5), (2, 2.0), (0.02, 0.02)]
)
def test_the_option(value, scale):
    assert read_scale(value) == scale


@pytest.mark.parametrize("value", [0, -1, 0.001, 5, float("nan"), float("inf"), "half", "", None, True, [0.5], "0,5"])
def test_what_is_no_scale(value):
    with pytest.raises(ValueError, match=r"^--scale .*: is neither auto nor a number from 0.02 to 4; give"):
        read_scale(value)
    with pytest.raises(ValueError, match=r"^--scale "):
        GridInferer((64, 64, 64), scale=value)
