import logging

import pytest
import torch
from ignite.engine import Events
from monai.engines import SupervisedTrainer
from torch import nn

from scripts.handlers import NonFiniteGradientGuard

BAD = 2  # the iteration that goes wrong


def nan_loss(pred, _):
    return pred.mean() * torch.nan


def finite_loss_with_a_nan_gradient(pred, _):
    return (pred * 0).abs().sum().sqrt()  # 0, and 0 times infinity on the way back


def infinite_in_one_weight(pred, network):
    network[1].bias.register_hook(lambda gradient: torch.full_like(gradient, torch.inf))
    return pred.mean()


def train(bad_loss, *handlers):
    """Three iterations, the second one bad; the weights after each."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(1, 2, 1), nn.Conv3d(2, 2, 1))
    calls, states = [], [torch.nn.utils.parameters_to_vector(network.parameters()).detach().clone()]

    def loss(pred, label):
        calls.append(1)
        return bad_loss(pred, network) if len(calls) == BAD else (pred - label).square().mean()

    patch = {"image": torch.ones(1, 1, 2, 2, 2), "label": torch.ones(1, 1, 2, 2, 2)}
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=1,
        train_data_loader=[patch] * 3,
        network=network,
        optimizer=optimizer,
        loss_function=loss,
        train_handlers=[handler(network) for handler in handlers],
        optim_set_to_none=True,
    )
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED,
        lambda: states.append(torch.nn.utils.parameters_to_vector(network.parameters()).detach().clone()),
    )
    trainer.run()
    steps = {int(state["step"]) for state in optimizer.state.values()}
    return states, steps


@pytest.mark.parametrize("bad_loss", [nan_loss, finite_loss_with_a_nan_gradient, infinite_in_one_weight])
def test_a_bad_step_is_left_out_and_counted(bad_loss, caplog):
    guards = []

    def guard(network):
        guards.append(NonFiniteGradientGuard(network))
        return guards[0]

    if bad_loss is not infinite_in_one_weight:  # its hook would stay for the third step
        with caplog.at_level(logging.WARNING, logger="scripts.handlers"):
            (start, first, second, third), steps = train(bad_loss, guard)
        assert not torch.equal(third, second)
        assert steps == {2}
        assert guards[0].skipped == 1
        assert "iteration 2: gradients not finite, step left out (1 so far)" in caplog.text
    else:
        start, first, second, _ = train(bad_loss, guard)[0]
        assert guards[0].skipped == 2
    assert not torch.equal(first, start)
    assert torch.equal(second, first)


def test_without_the_guard_it_is_lost():
    states, _ = train(nan_loss)
    assert states[-1].isnan().all()


def test_good_steps_are_untouched():
    def good(pred, _):
        return pred.square().mean()

    (*_, guarded), steps = train(good, NonFiniteGradientGuard)
    (*_, plain), _ = train(good)
    assert torch.equal(guarded, plain)
    assert steps == {3}
