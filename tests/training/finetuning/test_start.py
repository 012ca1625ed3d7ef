"""Where fine-tuning begins: which weights are loaded, which stay as they are, which classifier, what is refused."""

import json
import logging

import pytest
import torch
from ignite.engine import Engine

from scripts.core import sha256
from scripts.network import TubeNet
from scripts.training import Thaw, start_from
from scripts.training.finetuning import Start
from scripts.weights import Checkpoint, save_weights, sidecar_path
from tests.helpers.volume_examples import told

NORMALISATION = {"lower": 0.0, "upper": 100.0}


def network(seed=1, **switches):
    torch.manual_seed(seed)
    return TubeNet(**{"channels": (4, 8, 8), **switches})


@pytest.fixture
def pretrained(tmp_path):
    """Weights that tell 0 from 255, and were trained on `a` and `b`."""
    net, path = network(seed=0), tmp_path / "model.pt"
    sidecar = {"network": net.arguments, "normalisation": NORMALISATION, "threshold": 0.4}
    save_weights(path, net, sidecar | {"label_values": [0, 255], "trained_on": ["a", "b"]})
    return path


def weights_of(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


def step(net, parameters):
    """One step of an optimiser that has only these; the names of the weights that it changed."""
    before = weights_of(net)
    optimizer = torch.optim.Adam(parameters, lr=0.1)
    net.train()(torch.rand(2, 1, 8, 8, 8)).square().mean().backward()
    optimizer.step()
    return {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}


def test_all_is_loaded_and_all_is_trained(pretrained):
    net = network()
    start = start_from(Checkpoint(pretrained, normalisation=NORMALISATION), net)
    assert start.frozen == []
    loaded = torch.load(pretrained, weights_only=True)
    assert all(torch.equal(value, loaded[name]) for name, value in net.state_dict().items())
    assert "head.weight" in step(net, net.parameters())


@pytest.mark.parametrize(
    "frozen", [["encoder.0"], ["encoder.0", "encoder.1"], ["encoder"], ["encoder.0.conv.layers.0", "head"]]
)
def test_frozen_layers_stay_as_they_are(pretrained, frozen):
    net = network()
    start = start_from(Checkpoint(pretrained), net, frozen)
    within = {name for name in net.state_dict() if name.startswith(tuple(f"{layer}." for layer in frozen))}
    free = net.state_dict().keys() - within
    assert within
    assert len(start.frozen) == len(within)
    for layer in ("encoder.1.conv.layers.3.weight", "bottleneck.layers.0.weight", "decoder.0.up.weight"):
        assert (layer in within) == layer.startswith(tuple(frozen))
    changed = step(net, net.parameters())  # of an optimiser that has them all
    assert not changed & within
    assert {name for name in free if name.endswith("weight")} <= changed


def test_a_name_freezes_that_layer_and_not_another_that_begins_alike(pretrained):
    net = network(channels=(4, *[8] * 11))
    save_weights(pretrained, net, {"network": net.arguments, "threshold": 0.5})
    start_from(Checkpoint(pretrained), net, ["encoder.1"])
    trained = {name for name, weights in net.named_parameters() if weights.requires_grad}
    assert any(name.startswith("encoder.10.") for name in trained)
    assert not any(name.startswith("encoder.1.") for name in trained)


@pytest.mark.parametrize("name", ["encoder.2", "encoder.0.pool", "head.weight", "Encoder.0", ""])
def test_a_name_that_is_no_layer_is_refused(pretrained, name):
    net = network()
    before = weights_of(net)
    with pytest.raises(ValueError, match=r"^--frozen: ") as error:
        start_from(Checkpoint(pretrained), net, ["encoder.0", name])
    known = "encoder.0, encoder.1, bottleneck, decoder.0, decoder.1, head"
    assert str(error.value) == f"--frozen: {name!r} is not a layer with weights; there are {known}"
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_nothing_left_to_train(pretrained):
    with pytest.raises(ValueError, match=r"^--frozen: leaves nothing to train; name fewer layers$"):
        start_from(Checkpoint(pretrained), network(), ["encoder", "bottleneck", "decoder", "head"])


@pytest.mark.parametrize("classes", [3, 5])
def test_other_classes_get_a_new_classifier(pretrained, classes, caplog):
    caplog.set_level(logging.INFO, logger="scripts.weights")
    net = network(out_channels=classes)
    fresh, loaded = weights_of(net), torch.load(pretrained, weights_only=True)
    start = start_from(Checkpoint(pretrained), net)
    for name, value in net.state_dict().items():
        assert torch.equal(value, (fresh if name.startswith("head.") else loaded)[name]), name
    assert start.label_values is None
    assert start.new_classifier
    assert "has another number of classes: its classifier 'head' is replaced by a new one" in caplog.text
    assert {"head.weight", "head.bias"} <= step(net, net.parameters())


@pytest.mark.parametrize("values", [[0, 255], [0, [1, 255]], None, [0, 2, 7]])
def test_values_of_the_same_classes_are_handed_on(pretrained, values):
    sidecar = json.loads(sidecar_path(pretrained).read_text())
    sidecar_path(pretrained).write_text(json.dumps({**sidecar, "label_values": values}))
    start = start_from(Checkpoint(pretrained), network())
    assert start.label_values == (values if values and len(values) == 2 else None)
    assert not start.new_classifier  # whatever its classes are called


def test_the_origin_is_told(pretrained):
    origin = start_from(Checkpoint(pretrained), network()).origin
    assert origin == {"weights": "model.pt", "sha256": sha256(pretrained), "trained_on": ["a", "b"]}
    json.dumps(origin)


def refused(path, net, **how):
    before = weights_of(net)
    with pytest.raises(ValueError, match="does not fit the config") as error:
        start_from(Checkpoint(path, **how), net, ["encoder.0"])
    told(error, path, "use the configs and overlays that it was trained with")
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    return str(error.value)


def test_another_network_or_normalisation_is_refused_by_its_arguments(pretrained):
    why = refused(pretrained, network(channels=(8, 8, 8), attention=True))
    assert "attention is false in the weights and true in the config" in why
    assert "channels is [4, 8, 8] in the weights and [8, 8, 8] in the config" in why
    assert "(4, 1, 3, 3, 3)" not in why
    why = refused(pretrained, network(channels=(8, 8, 8), out_channels=3))  # which has a new classifier
    assert "config: channels is [4, 8, 8] in the weights and [8, 8, 8] in the config; use" in why
    why = refused(pretrained, network(), normalisation={"lower": 1.0, "upper": 100.0})
    assert "config: lower is 0.0 in the weights and 1.0 in the config; use" in why


def test_without_arguments_the_tensors_are_listed(pretrained):
    sidecar = json.loads(sidecar_path(pretrained).read_text())
    sidecar_path(pretrained).write_text(json.dumps({**sidecar, "network": {}}))
    other = network(channels=(8, 8, 8))
    loaded = torch.load(pretrained, weights_only=True)
    differing = [name for name, value in other.state_dict().items() if value.shape != loaded[name].shape]
    assert len(differing) > 12
    why = refused(pretrained, other)
    assert (
        "encoder.0.conv.layers.0.weight is (4, 1, 3, 3, 3) in the weights and (8, 1, 3, 3, 3) in the network; " in why
    )
    assert [name for name in differing if f" {name} is (" in why] == differing[:12]
    assert f"; and {len(differing) - 12} more tensors; use" in why


def test_missing_weights(tmp_path):
    with pytest.raises(FileNotFoundError, match="--ckpt_path") as error:
        start_from(Checkpoint(tmp_path / "none.pt"), network())
    told(error, tmp_path / "none.pt", "no such weights")


def test_without_weights_the_network_starts_as_it_is():
    net = network()
    before = weights_of(net)
    start = start_from(Checkpoint(None), net, ())
    assert start == Start(frozen=[])
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    with pytest.raises(ValueError, match=r"^--frozen: an untrained network .*; give --ckpt_path too$"):
        start_from(Checkpoint(None), net, ["encoder.0"])


def test_weights_that_training_would_move_away_are_refused(pretrained):
    with pytest.raises(ValueError, match="lies in --ckpt_dir, where training writes; give another") as error:
        start_from(Checkpoint(pretrained), network(), ckpt_dir=pretrained.parent)
    told(error, pretrained)
    start_from(Checkpoint(pretrained), network(), None, ckpt_dir=pretrained.parent / "out")


@pytest.mark.parametrize(("after", "begun"), [(2, 0), (2, 3), (None, 0)], ids=["thaws", "resumed after", "never"])
def test_frozen_layers_thaw_after_some_epochs(pretrained, after, begun):
    net = network()
    frozen = start_from(Checkpoint(pretrained), net, ["encoder.0"]).frozen
    learnt = {}

    def epoch(engine, _):
        learnt[engine.state.epoch] = {name for name in step(net, net.parameters()) if name.startswith("encoder.0.")}

    trainer = Engine(epoch)
    Thaw(frozen, after).attach(trainer)
    trainer.state.max_epochs, trainer.state.epoch_length = begun + 4, 1
    trainer.state.epoch = trainer.state.iteration = begun
    trainer.run([0])
    assert [bool(names) for names in learnt.values()] == [bool(after) and number > after for number in learnt]
    assert list(learnt) == [begun + number for number in (1, 2, 3, 4)]
