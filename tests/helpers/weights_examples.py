"""Weights of a tiny network as training writes them, rewritten and refused."""

import json
import re

import pytest
import torch

from scripts.core import sha256
from scripts.network import TubeNet
from scripts.weights import Checkpoint, save_weights, sidecar_path

NORMALISATION = {"lower": 0.0, "upper": 100.0}


def network(seed=0, **switches):
    torch.manual_seed(seed)
    return TubeNet(**{"channels": (4, 8), **switches})


def saved(folder, net=None):
    """Weights as training writes them."""
    net = net or network()
    sidecar = {"network": net.arguments, "normalisation": NORMALISATION, "threshold": 0.4, "trained_on": ["a"]}
    save_weights(folder / "model.pt", net, sidecar)
    return folder / "model.pt"


def rewrite(path, content):
    """Other content under the same name, with a sidecar that vouches for it."""
    content(path) if callable(content) else torch.save(content, path)
    sidecar = json.loads(sidecar_path(path).read_text()) | {"sha256": sha256(path)}
    sidecar_path(path).write_text(json.dumps(sidecar))


def refused(path, net=None, error=ValueError, **kwargs):
    """The one line that loading ends in; the network stays as it was."""
    net = net or network(seed=1)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(error, match=re.escape(str(path.with_suffix("")))) as info:
        Checkpoint(path, **kwargs).load_into(net)
    assert "\n" not in str(info.value)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    return str(info.value)
