"""Weights to share: half as large, the same sidecar but for what they say of their training."""

import pytest
import torch

from scripts.weights import Checkpoint, publish, read_sidecar
from tests.helpers.weights_examples import NORMALISATION, network, saved


def test_published_weights_are_half_as_large_and_load_all_the_same(tmp_path):
    original, other = network(), network(seed=1)
    path = publish(saved(tmp_path, original), tmp_path / "out" / "model.pt", "synthetic volumes")
    assert {value.dtype for value in torch.load(path, weights_only=True).values()} == {torch.float16}
    sidecar = Checkpoint(path, normalisation=NORMALISATION).load_into(other)
    assert sidecar["trained_on"] == "synthetic volumes"
    assert sidecar["threshold"] == read_sidecar(tmp_path / "model.pt")["threshold"]
    for name, value in other.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, original.state_dict()[name].half().float())


def test_the_old_statement_is_kept_unless_there_is_a_new_one(tmp_path):
    path = saved(tmp_path)
    kept = read_sidecar(publish(path, tmp_path / "kept.pt"))
    assert kept == read_sidecar(path) | {"sha256": Checkpoint(tmp_path / "kept.pt").sha256}
    assert (tmp_path / "kept.pt").stat().st_size < path.stat().st_size


def test_weights_that_half_precision_cannot_hold_are_not_published(tmp_path):
    large = network()
    large.head.bias.data[0] = 70000
    with pytest.raises(ValueError, match=r"out\.pt: head\.bias would hold NaN or infinite numbers"):
        publish(saved(tmp_path, large), tmp_path / "out.pt")
    assert not (tmp_path / "out.pt").exists()
