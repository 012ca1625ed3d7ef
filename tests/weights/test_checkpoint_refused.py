"""Weights and sidecars that cannot be used: each is refused in one line, and the network stays as it was."""

import json
import math
import re

import pytest
import torch
from torch import nn

from scripts.weights import MIN_MAX, ROBUST, Checkpoint, read_sidecar, sidecar_path
from tests.helpers.bundle_command import contents
from tests.helpers.training_examples import Hostile, small_disk
from tests.helpers.volume_examples import told
from tests.helpers.weights_examples import NORMALISATION, network, refused, rewrite, saved


def test_other_weights_than_the_sidecar_describes(tmp_path):
    path = saved(tmp_path)
    torch.save(network(seed=2).state_dict(), path)
    assert "is not the file that its sidecar model.json describes" in refused(path)


@pytest.mark.parametrize(
    ("switches", "why"),
    [
        ({"channels": (8, 8)}, "channels is [4, 8] in the weights and [8, 8] in the config"),
        ({"act": "relu"}, 'act is ["leakyrelu", {"negative_slope": 0.2}] in the weights and "relu" in the config'),
        ({"norm_eps": 1e-3}, "norm_eps is 1e-05 in the weights and 0.001 in the config"),
        ({"attention": True}, "attention is false in the weights and true in the config"),
    ],
)
def test_another_network(tmp_path, switches, why):
    assert why in refused(saved(tmp_path), network(**switches))


def test_a_sidecar_is_checked_where_another_program_loads_the_weights(tmp_path):
    path = saved(tmp_path)
    checkpoint = Checkpoint(path, network(dropout=0.5), NORMALISATION)
    checkpoint.check()
    assert checkpoint.sidecar == read_sidecar(path)
    assert checkpoint.threshold() == 0.4
    with pytest.raises(ValueError, match="does not fit the config: channels is") as error:
        Checkpoint(path, network(channels=(8, 8)), {"lower": 1.0, "upper": 100.0}).threshold()
    told(
        error, path, "channels is [4, 8] in the weights", "lower is 0.0 in the weights", "use the configs and overlays"
    )
    torch.save(network(seed=2).state_dict(), path)
    with pytest.raises(ValueError, match=r"is not the file that its sidecar model\.json describes"):
        Checkpoint(path, network(), NORMALISATION).threshold()


@pytest.mark.parametrize(
    ("name", "used"),
    [("model.pt", "model.pt"), (["old.pt", "model.pt"], "old.pt"), ("old.pt", "old.pt"), ("none.pt", "model.pt")],
)
def test_a_server_may_be_asked_to_use_other_weights(tmp_path, name, used):
    path = saved(tmp_path)
    (tmp_path / "old.pt").touch()
    assert Checkpoint(path, name=name).path == tmp_path / used


NO_NAMES = ["../model.pt", "/model.pt", "", "a/b.pt", "..", "a\0.pt", [], [["model.pt"]], 3, {"_target_": "x"}, True]


@pytest.mark.parametrize("name", [*NO_NAMES, "x" * 300], ids=repr)
def test_other_weights_are_named_by_a_name(tmp_path, name):
    with pytest.raises(ValueError, match=r"is not the name of a file; give one such as model\.pt"):
        Checkpoint(saved(tmp_path), name=name)


def test_images_are_scaled_as_the_weights_were_trained(tmp_path):
    path = saved(tmp_path)
    assert Checkpoint(path).normalisation == NORMALISATION
    sidecar = read_sidecar(path)
    sidecar_path(path).write_text(json.dumps({key: sidecar[key] for key in sidecar if key != "normalisation"}))
    assert Checkpoint(path).normalisation == MIN_MAX  # of the first versions
    sidecar_path(path).write_text(json.dumps(sidecar | {"normalisation": {"lower": 0.5, "upper": 99.5}}))
    assert Checkpoint(path).normalisation == {"lower": 0.5, "upper": 99.5}
    assert Checkpoint(path, normalisation={"lower": None, "upper": 100}).normalisation == {"lower": 0.5, "upper": 100}
    assert Checkpoint(None).normalisation == ROBUST
    assert Checkpoint(None, normalisation={"lower": 2}).normalisation == ROBUST | {"lower": 2}
    assert Checkpoint(None, normalisation=MIN_MAX).normalisation == MIN_MAX
    with pytest.raises(FileNotFoundError, match="no such weights"):
        Checkpoint(tmp_path / "none.pt").normalisation  # noqa: B018 - a property that reads


@pytest.mark.parametrize(
    "percentiles", [{"lower": None, "upper": 99}, {"lower": "x"}, {"lower": 99, "upper": 1}, {"low": 1}], ids=str
)
def test_percentiles_that_are_none_name_the_sidecar(percentiles, tmp_path):
    path = saved(tmp_path)
    sidecar = read_sidecar(path)
    sidecar_path(path).write_text(json.dumps(sidecar | {"normalisation": percentiles}))
    with pytest.raises(ValueError, match=f"^{re.escape(str(sidecar_path(path)))}: lower .* not percentiles"):
        Checkpoint(path).normalisation  # noqa: B018 - a property that reads
    with pytest.raises(ValueError, match=r"^--normalisation: lower 'abc'"):
        Checkpoint(None, normalisation={"lower": "abc"}).normalisation  # noqa: B018 - a property that reads


def test_another_normalisation(tmp_path):
    why = refused(saved(tmp_path), normalisation={"lower": 1.0, "upper": 100.0})
    assert "lower is 0.0 in the weights and 1.0 in the config" in why
    assert "upper" not in why


def test_a_network_that_states_no_arguments_is_checked_tensor_by_tensor(tmp_path):
    why = refused(saved(tmp_path), nn.Conv3d(1, 2, 1))
    assert (
        "config: weight is missing in the weights and (2, 1, 1, 1, 1) in the network; "
        "bias is missing in the weights and (2,) in the network; encoder.0" in why
    )


def test_more_or_less_than_the_network_has(tmp_path):
    path, state = saved(tmp_path), network().state_dict()
    rewrite(path, {**state, "decoder.9.weight": torch.zeros(1)})
    assert "the config: decoder.9.weight is (1,) in the weights and missing in the network; use" in refused(path)
    rewrite(path, {name: value for name, value in state.items() if name != "head.bias"})
    assert "the config: head.bias is missing in the weights and (2,) in the network; use" in refused(path)
    rewrite(path, {**state, "head.bias": torch.zeros(3)})
    assert "the config: head.bias is (3,) in the weights and (2,) in the network; use" in refused(path)


def test_a_file_cut_short(tmp_path):
    path = saved(tmp_path)
    rewrite(path, lambda path: path.write_bytes(path.read_bytes()[:-3000]))
    assert "is not a file of plain weights" in refused(path)
    rewrite(path, lambda path: path.write_bytes(b""))
    assert "is not a file of plain weights" in refused(path)


@pytest.mark.parametrize(
    "content",
    [
        [torch.zeros(1)],
        {"model": {"weight": torch.zeros(1)}},
        {"epoch": 3},
        {"weight": torch.ones(1, dtype=torch.int64)},
        {"weight": torch.ones(1, dtype=torch.complex64)},
        {"weight": torch.ones(1).to(torch.float8_e4m3fn)},
        {"weight": torch.ones(1, device="meta")},
        {"weight": torch.ones(1).expand(2**40)},  # two kilobytes that would take four terabytes
        {"weight": torch.ones(1).to_sparse()},
        {7: torch.ones(1)},
    ],
    ids=str,
)
def test_more_than_weights(tmp_path, content):
    path = saved(tmp_path)
    rewrite(path, content)
    assert "holds more than plain weights" in refused(path)


def test_weights_that_hold_nan(tmp_path):
    spoilt = network()
    spoilt.head.weight.data[0] = math.nan
    path = saved(tmp_path)
    rewrite(path, spoilt.state_dict())
    assert "head.weight holds NaN" in refused(path)


def test_nothing_is_unpickled(tmp_path):
    path, target = saved(tmp_path), tmp_path / "pwned"
    rewrite(path, {**network().state_dict(), "head.bias": Hostile(target)})
    assert "is not a file of plain weights, so it was not loaded" in refused(path)
    assert not target.exists()
    torch.load(path, weights_only=False)
    assert target.exists()  # else the test would not have tested anything


@pytest.mark.parametrize("room", [100, 2000])  # bytes: less than a file's first piece; some pieces, and not all
def test_a_full_disk(tmp_path, room):
    path = saved(tmp_path)
    before = contents(tmp_path)
    with small_disk(room), pytest.raises(OSError, match="cannot be written") as error:
        saved(tmp_path, network(seed=1))
    told(error, path, "(File too large), what was there before is kept")  # the system's words, not the library's
    assert contents(tmp_path) == before
    saved(tmp_path, network(seed=1))
    assert contents(tmp_path) != before


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_not_saved(value, tmp_path):
    path = saved(tmp_path)
    before = path.read_bytes()
    spoilt = network()
    spoilt.head.weight.data[0] = value
    with pytest.raises(ValueError, match=r"model\.pt: head\.weight would hold NaN or infinite .* was not written"):
        saved(tmp_path, spoilt)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.json", "model.pt"]


def test_weights_that_single_precision_cannot_hold(tmp_path):
    path = saved(tmp_path)
    large = {name: value.double() for name, value in network().state_dict().items()}
    large["head.bias"][0] = 1e300
    rewrite(path, large)
    assert "head.bias holds NaN or infinite numbers, so it was not loaded" in refused(path)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"threshold": math.nan},
        {"threshold": True},
        {"label_values": [0, math.nan]},
        {"normalisation": {"upper": math.inf}},
    ],
    ids=str,
)
def test_a_sidecar_of_what_is_no_number(spoilt, tmp_path):
    path = saved(tmp_path)
    sidecar_path(path).write_text(json.dumps(read_sidecar(path) | spoilt))
    with pytest.raises(ValueError, match=r"model\.json: is not (JSON|a sidecar)"):
        read_sidecar(path)
