"""The option `scale`: tubes of known width, and a network that knows one width only."""

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from torch.nn import functional as F

from scripts.core import read_scale
from scripts.inference import Bfloat16Inferer, EdgePaddedInferer, GridInferer, MultiscaleInferer, coarser_shapes
from scripts.inference.multiscale import share_resolved
from tests.helpers.inferer_examples import Recorder, as_logits


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


def narrow_only(reach, inside=-8.0):
    """A network that is sure of vessel near its walls.

    That is up to `reach` voxels along Y; deeper inside it has log-odds of `inside`.
    """

    def network(x):
        deep = -F.max_pool3d(-F.pad(x, (0, 0, reach, reach, 0, 0)), (1, 2 * reach + 1, 1), stride=1)
        log_odds = torch.where(x > 0.5, torch.where(deep > 0.5, inside, 8.0), -8.0)
        return torch.cat((-log_odds, log_odds), dim=1)

    return network


def inferer(scale=1, side=64):
    """Windows of 64 voxels, and a divisor of 8, as of a network of three poolings."""
    windows = GridInferer((side,) * 3, mode="gaussian", overlap=0.5, divisor=8)
    return MultiscaleInferer(scale, EdgePaddedInferer(8, windows))


def found(logits):
    return logits[:, 1:] > logits[:, :1]


def dice(one, two):
    return 2 * (one & two).sum().item() / (one.sum() + two.sum()).item()


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
    inferer("auto", side=128)(torch.ones(1, 1, *shape), network)
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
    """Of a bar of `side` x `side` voxels across: the pairs, or fours, along both of its sides."""
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
        one_size = Bfloat16Inferer(True, GridInferer((64, 64, 64), mode="gaussian"), round_weights=True)
        logits = MultiscaleInferer(scale, one_size)(torch.ones(1, 1, 64, 64, 64), conv)
    assert inside == [torch.bfloat16] * (3 if scale == "auto" else 1)
    assert torch.equal(logits, torch.stack((-torch.ones(64, 64, 64), torch.ones(64, 64, 64)))[None])


def test_without_metadata_voxels_are_cubes():
    network = Recorder()
    inferer(0.5)(torch.ones(1, 1, 64, 64, 40), network)
    assert network.shapes == [(32, 32, 24)]


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
        MultiscaleInferer(value, GridInferer((64, 64, 64)))


@pytest.mark.parametrize("scale", [1, "auto", 0.5])
@pytest.mark.parametrize("weight", [1e38, -1e38])
def test_logits_that_are_not_finite_are_refused_by_the_files_name(weight, scale):
    """Weights that are finite all the same."""
    network = torch.nn.Conv3d(1, 2, 3, padding=1)
    torch.nn.init.constant_(network.weight, weight)
    image = MetaTensor(tube(radius=4, shape=(64, 64, 64))[0], meta={"filename_or_obj": "a.tif"})
    batch = next(iter(DataLoader(Dataset([image]), batch_size=1)))
    with (
        torch.no_grad(),
        pytest.raises(ValueError, match=r"^a\.tif: the network's logits for it are NaN or inf"),
    ):
        inferer(scale)(batch, network)
