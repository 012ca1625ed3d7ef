"""Weights and sidecar: there and back, where they come from, and that each file is read once."""

import hashlib
import json
from pathlib import Path

import monai
import pytest
import torch

from scripts.core import WEIGHTS, sha256
from scripts.weights import ROBUST, Checkpoint, publish, read_sidecar
from tests.helpers.bundle_command import BUNDLE
from tests.helpers.weights_examples import NORMALISATION, network, saved


def test_round_trip(tmp_path):
    original, other = network(), network(seed=1)
    path = saved(tmp_path / "new" / "folder", original)
    sidecar = Checkpoint(path, normalisation=NORMALISATION).load_into(other)
    assert all(torch.equal(value, original.state_dict()[name]) for name, value in other.state_dict().items())
    assert sidecar == json.loads(path.with_suffix(".json").read_text()) == read_sidecar(path)
    assert sorted(file.name for file in path.parent.iterdir()) == ["model.json", "model.pt"]


def test_the_sidecar_says_what_one_must_know(tmp_path):
    path = saved(tmp_path)
    sidecar = json.loads((tmp_path / "model.json").read_text())
    assert sidecar["network"] == json.loads(json.dumps(network().arguments))
    assert sidecar["normalisation"] == NORMALISATION
    assert sidecar["threshold"] == 0.4
    assert sidecar["versions"]["torch"] == torch.__version__
    assert sidecar["versions"]["monai"] == monai.__version__
    assert sidecar["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_file_is_a_plain_state_dict(tmp_path):
    state = torch.load(saved(tmp_path), weights_only=True)
    assert state.keys() == network().state_dict().keys()


def test_equal_weights_are_equal_files(tmp_path):
    one, two = saved(tmp_path / "one"), saved(tmp_path / "two")
    other = saved(tmp_path / "three", network(seed=1))
    assert one.read_bytes() == two.read_bytes() != other.read_bytes()
    assert read_sidecar(one) == read_sidecar(two)
    assert publish(one, tmp_path / "a.pt", "x").read_bytes() == publish(two, tmp_path / "b.pt", "x").read_bytes()


def test_another_dropout_and_another_way_to_write_a_number_are_no_difference(tmp_path):
    path = saved(tmp_path)
    Checkpoint(path, network(dropout=0.1, decoder_dropout=0.2), {"lower": 0, "upper": 100}).load_into()


def test_no_single_voxel_decides_how_the_shipped_weights_scale():
    assert Checkpoint(WEIGHTS).normalisation == ROBUST


# -- origin -----------------------------------------------------------------------------------------------------------


def test_the_shipped_weights_may_be_used_with_the_scaling_of_their_training():
    for lower, upper in ((0, 100), (0.001, 99.999)):
        checkpoint = Checkpoint(WEIGHTS, normalisation={"lower": lower, "upper": upper})
        checkpoint.check()
        assert checkpoint.normalisation == {"lower": lower, "upper": upper}
    with pytest.raises(ValueError, match=r"lower is 0\.001 in the weights and 0\.5 in the config"):
        Checkpoint(WEIGHTS, normalisation={"lower": 0.5, "upper": 99.5}).check()


def test_provenance(tmp_path):
    path = saved(tmp_path)
    metadata = json.loads((BUNDLE / "configs" / "metadata.json").read_text())
    expected = {"software": f"tubenet {metadata['version']}", "weights": "model.pt", "weights_sha256": sha256(path)}
    assert Checkpoint(path).provenance == expected
    with pytest.raises(FileNotFoundError, match=r"none\.pt: no such weights; check --ckpt_path"):
        Checkpoint(tmp_path / "none.pt").provenance  # noqa: B018 - a property that reads


# -- read once ---------------------------------------------------------------------------------------------------------


def test_each_file_is_read_once(tmp_path, monkeypatch):
    path = saved(tmp_path)
    read = []
    for name in ("read_bytes", "read_text"):
        real = getattr(Path, name)
        monkeypatch.setattr(Path, name, lambda self, *a, real=real, **k: read.append(self.name) or real(self, *a, **k))
    checkpoint = Checkpoint(path, network(seed=1), {"lower": None, "upper": None})
    assert not read
    assert checkpoint.normalisation == NORMALISATION
    checkpoint.load_into()
    assert checkpoint.threshold(0.7) == 0.7
    assert checkpoint.provenance["weights_sha256"] == sha256(path)
    assert [name for name in read if name.startswith("model")] == ["model.json", "model.pt"]
    assert "content" not in vars(checkpoint)  # the bytes are not kept beside the weights that were made of them
