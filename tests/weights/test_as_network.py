"""A network from its weights and their sidecar alone."""

import json

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


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"channels": [4, 4096]}, "describes a network of 453584754 weights, and a.pt has "),
        ({"channels": [6400, 10**9]}, "describes a network that does not exist (channels [6400, 1000000000]:"),
        ({"channels": [4] * 10**5}, "describes a network that does not exist (channels [4, 4,"),
        ({"channels": 8}, "describes a network that does not exist ('int' object is not iterable)"),
        ({"chanels": [4, 8]}, "describes a network that does not exist (TubeNet.__init__() got an unexpected"),
        ({"channels": [4, 8], "act": "no"}, "describes a network that does not exist ("),
        ({"channels": [4, 8], "dropout": 7}, "describes a network that does not exist ("),
        ({"channels": [4, 8], "norm_eps": "x"}, "describes a network that does not exist ("),
    ],
)
def test_a_sidecar_that_made_its_network_up_takes_no_memory(arguments, why, tmp_path):
    network = TubeNet(channels=(4, 8))
    save_weights(tmp_path / "a.pt", network, {"network": network.arguments, "threshold": 0.3})
    sidecar = json.loads((tmp_path / "a.json").read_text()) | {"network": arguments}
    (tmp_path / "a.json").write_text(json.dumps(sidecar))
    with pytest.raises(ValueError, match=r"a\.json: ") as error:
        Checkpoint(tmp_path / "a.pt").as_network()
    assert str(error.value).startswith(f"{tmp_path / 'a.json'}: {why}")
    assert "; copy it again, with a.pt" in str(error.value)
    assert "\n" not in str(error.value)
