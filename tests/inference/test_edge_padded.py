"""How far a volume is padded, with what, and that logits come back to its own voxels."""

import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from monai.inferers import SimpleInferer
from torch.nn import functional as F

from scripts.inference import EdgePaddedInferer, GridInferer
from scripts.network import TubeNet
from tests.helpers.inferer_examples import Recorder, positions


@pytest.mark.parametrize(
    ("shape", "padded"),
    [((40, 36, 15), (64, 64, 32)), ((32, 64, 96), (32, 64, 96)), ((33, 1, 31), (64, 32, 32))],
    ids=str,
)
def test_each_side_grows_to_the_next_multiple(shape, padded):
    network = Recorder()
    logits = EdgePaddedInferer(32, SimpleInferer())(positions(*shape), network)
    assert network.shapes == [padded]
    assert logits.shape == (1, 2, *shape)
    expected = torch.minimum(positions(*padded)[0], torch.tensor(shape)[:, None, None, None] - 1)
    assert torch.equal(network.windows[0], expected)  # what lies beyond repeats the last voxel


def test_a_thin_stack_is_not_padded_to_a_whole_window():
    network = Recorder()
    logits = EdgePaddedInferer(32, GridInferer((64, 64, 64)))(positions(70, 64, 15), network)
    assert network.shapes == [(64, 64, 32)] * 2
    assert logits.shape == (1, 2, 70, 64, 15)


def test_the_last_windows_begin_within_the_padding():
    """At 64 and not at 70 - 32: padding comes before the grid."""
    network = Recorder()
    EdgePaddedInferer(32, GridInferer((32, 32, 32), overlap=0.5))(positions(70, 33, 15), network)
    assert network.starts[::3] == [0, 16, 32, 48, 64]


@torch.no_grad()
def test_one_window_is_the_plain_network():
    torch.manual_seed(0)
    network = TubeNet(channels=(4, 4, 8)).eval()
    inferer = EdgePaddedInferer(4, GridInferer((16, 16, 16), divisor=4, mode="gaussian"))
    whole = torch.rand(2, 1, 16, 16, 16)
    torch.testing.assert_close(inferer(whole, network), network(whole))
    small = whole[..., :5, :8, :15]
    padded = F.pad(small, (0, 1, 0, 0, 0, 3), mode="replicate")  # to 8 x 8 x 16
    torch.testing.assert_close(inferer(small, network), network(padded)[..., :5, :8, :15])


def test_affine_and_metadata_stay():
    affine = torch.diag(torch.tensor([0.5, 0.25, 2, 1], dtype=torch.float64))
    affine[:3, 3] = torch.tensor([7, 8, 9])
    image = MetaTensor(torch.rand(1, 40, 33, 15), affine=affine, meta={"filename_or_obj": "a.tif"})
    (batch,) = DataLoader(Dataset([{"image": image}]), batch_size=1)
    network = Recorder(lambda x: torch.cat((x, -x), dim=1))
    logits = EdgePaddedInferer(32, GridInferer((32, 32, 32), sw_batch_size=4))(batch["image"], network)
    (one,) = decollate_batch(logits)
    assert one.shape == (2, 40, 33, 15)
    assert torch.equal(one.affine, affine)
    assert one.meta["filename_or_obj"] == "a.tif"
    torch.testing.assert_close(one[0].as_tensor(), image[0].as_tensor())
