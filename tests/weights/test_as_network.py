"""A network from its weights and their sidecar alone."""

import pytest
import torch

from scripts.network import TubeNet
from scripts.weights import Checkpoint, save_weights
from tests.helpers.bundle_command import network_arguments


@pytest.mark.parametrize("overlay", ["attention", "published"])
def test_the_network_is_the_one_that_was_saved(overlay, tmp_path):
    saved = TubeNet(**{**network_arguments(overlay), "channels": (4, 8)}).eval()
    save_weights(tmp_path / "a.pt", saved, {"network": saved.arguments, "threshold": 0.3})
    loaded = Checkpoint(tmp_path / "a.pt").as_network()
    image = torch.rand(1, 1, 4, 6, 2)
    with torch.no_grad():
        torch.testing.assert_close(loaded.eval()(image), saved(image), rtol=0, atol=0)


def test_missing_weights(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pt: no such weights"):
        Checkpoint(tmp_path / "none.pt").as_network()
