import copy

import torch

from scripts.inference import ChannelsLastInferer, GridInferer
from scripts.network import TubeNet


def test_the_layout_that_the_weights_had_changes_nothing():
    """MONAI Label makes the network without the layout that the configs give it afterwards."""
    torch.manual_seed(0)
    plain = TubeNet(channels=(8, 16, 16)).eval()
    last = copy.deepcopy(plain).to(memory_format=torch.channels_last_3d)
    x = torch.rand(1, 1, 64, 64, 32)
    with torch.no_grad():
        one, two = (ChannelsLastInferer(GridInferer((32, 32, 32)))(x, network) for network in (plain, last))
    assert torch.equal(one, two)
    weights = plain.encoder[1].conv.layers[0].weight
    assert weights.is_contiguous(memory_format=torch.channels_last_3d)


def test_what_is_no_module_is_run_as_it_is():
    x = torch.rand(1, 1, 32, 32, 32)
    assert torch.equal(ChannelsLastInferer(GridInferer((32, 32, 32)))(x, lambda window: 2 * window), 2 * x)
