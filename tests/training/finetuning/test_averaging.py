"""The mean of the weights in training and of those before: what it is, when there is none, what is refused."""

import logging

import pytest
import torch
from ignite.engine import Engine, Events

from scripts.core import UserError
from scripts.training import AverageWithStart
from scripts.training.finetuning import Start
from tests.helpers.weights_examples import network

BEGUN = Start(frozen=[], origin={"weights": "model.pt"})


def moved(net):
    """The network, its weights moved as training moves them, and copies of them from before."""
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.no_grad():
        for number, weights in enumerate(net.parameters()):
            weights.add_(torch.randn(weights.shape, generator=torch.Generator().manual_seed(number)))
    return before


def after_an_epoch(net, start, share):
    """What is kept after an epoch, what validates within it, and the weights before."""
    mean, seen, trainer = AverageWithStart(net, start, share), [], Engine(lambda engine, batch: None)
    before = moved(net)
    mean.attach(trainer)
    trainer.add_event_handler(
        Events.EPOCH_COMPLETED, lambda: seen.append({k: v.clone() for k, v in mean.kept.state_dict().items()})
    )
    trainer.run([0], max_epochs=1)
    return mean, seen[0], before


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_what_validates_after_an_epoch_is_the_mean_by_the_share(share):
    net = network()
    mean, seen, before = after_an_epoch(net, BEGUN, share)
    assert mean.share == share
    assert mean.kept is not net
    for name, value in net.state_dict().items():
        assert not torch.equal(value, before[name])
        torch.testing.assert_close(seen[name], (1 - share) * before[name] + share * value)


def test_the_log_says_what_is_kept(caplog):
    with caplog.at_level(logging.INFO):
        AverageWithStart(network(), BEGUN, 0.25)
    assert "kept is the mean of the weights in training, 0.25 of it, and of those before" in caplog.text


def test_it_starts_anew_from_the_beginning_after_every_epoch():
    net = network()
    mean = AverageWithStart(net, BEGUN, 0.5)
    before = moved(net)
    for _ in range(3):
        mean(Engine(lambda engine, batch: None))
    for name, value in net.state_dict().items():
        torch.testing.assert_close(mean.kept.state_dict()[name], (before[name] + value) / 2)


def test_before_the_first_epoch_it_is_what_training_begins_with():
    net = network()
    mean = AverageWithStart(net, BEGUN, 0.5)
    before = moved(net)
    assert all(torch.equal(value, before[name]) for name, value in mean.kept.state_dict().items())


def test_training_moves_the_network_alone():
    net = network()
    mean = AverageWithStart(net, BEGUN, 0.5)
    assert not any(weights.requires_grad for weights in mean.kept.parameters())
    assert all(weights.requires_grad for weights in net.parameters())


def test_what_counts_is_not_averaged():
    net = torch.nn.BatchNorm3d(2)
    mean = AverageWithStart(net, BEGUN, 0.5)
    net.train()(torch.rand(1, 2, 4, 4, 4))
    mean(Engine(lambda engine, batch: None))
    assert int(mean.kept.num_batches_tracked) == 1
    torch.testing.assert_close(mean.kept.running_mean, net.running_mean / 2)


@pytest.mark.parametrize("share", [None, 1, 1.0])
@pytest.mark.parametrize("start", [BEGUN, Start(frozen=[])], ids=["tuned", "from scratch"])
def test_without_a_share_the_network_itself_is_kept(share, start):
    net = network()
    mean, seen, _ = after_an_epoch(net, start, share)
    assert mean.kept is net
    assert mean.share is None
    assert all(torch.equal(value, seen[name]) for name, value in net.state_dict().items())


def test_with_a_new_last_layer_the_network_itself_is_kept_and_the_log_says_so(caplog):
    net = network()
    with caplog.at_level(logging.INFO):
        mean = AverageWithStart(net, Start(frozen=[], new_classifier=True, origin={"weights": "model.pt"}), 0.5)
    assert mean.kept is net
    assert mean.share is None
    assert "kept alone, because their last layer is new" in caplog.text


def test_from_scratch_there_is_nothing_to_average_with():
    with pytest.raises(UserError, match="--tuned_share: an untrained network"):
        AverageWithStart(network(), Start(frozen=[]), 0.5)


@pytest.mark.parametrize("share", [1.5, -0.1, 0, "half"])
def test_a_share_outside_its_range_is_refused(share):
    with pytest.raises(UserError, match="tuned_share"):
        AverageWithStart(network(), BEGUN, share)
