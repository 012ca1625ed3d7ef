"""What steers the training loop: sound gradients, repeatable draws, patience (what it writes: test_handlers_output)."""

import logging
import math

import pytest
import torch
from ignite.engine import Engine, Events
from monai.engines import SupervisedTrainer
from torch import nn

from scripts.training import IterationSeed, NonFiniteGradientGuard, Patience, StartScores
from scripts.training.handlers import score_text
from tests.helpers.training_examples import scripted_validator

BAD = 2  # the iteration that goes wrong


def test_scores_are_told_by_four_decimals_and_a_rate_by_its_digits():
    assert [score_text(name, 0.000123456) for name in ("val_dice", "learning_rate")] == [
        "val_dice 0.0001",
        "learning_rate 0.0001235",
    ]


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
        with caplog.at_level(logging.WARNING, logger="scripts.training"):
            (start, first, second, third), steps = train(bad_loss, guard)
        assert not torch.equal(third, second)
        assert steps == {2}
        assert guards[0].skipped == 1
        assert "iteration 2: gradients not finite, step skipped (1 so far)" in caplog.text
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


def test_the_count_goes_on():
    guard = NonFiniteGradientGuard(nn.Conv3d(1, 1, 1))
    guard.load_state_dict({"skipped": 3})
    assert guard.state_dict() == {"skipped": 3}


# -- what is drawn -----------------------------------------------------------------------------------------------------


def drawn(seed, wasted=0, begin=0):
    """What torch draws in the iterations of two epochs of two, or of the second alone, by number of the iteration."""
    draws = {}

    def step(engine, _):
        draws[engine.state.iteration] = tuple(torch.rand(3).tolist())
        torch.rand(wasted)

    engine = Engine(step)
    IterationSeed(seed).attach(engine)
    engine.load_state_dict({"epoch": begin, "max_epochs": 2, "epoch_length": 2})
    torch.rand(wasted)
    engine.run([0, 1])
    return draws


def test_a_draw_is_a_function_of_seed_and_iteration():
    first = drawn(0)
    torch.manual_seed(9)
    assert drawn(0, wasted=7) == first
    assert drawn(0, begin=1) == {3: first[3], 4: first[4]}  # as after a resume
    others = drawn(1)
    assert len({*first.values(), *others.values()}) == 8


# -- patience ----------------------------------------------------------------------------------------------------------


def patient(patience, scores, interval=1, state=None, epoch=0, stop=None, scored_before=False):
    """Train for as many epochs as there are scores, or until `stop`; the trainer and its patience afterwards."""
    validator, trainer = scripted_validator(val_dice=scores[epoch:]), Engine(lambda *_: None)
    kept = Patience(patience, validator)
    kept.attach(trainer)
    trainer.add_event_handler(Events.EPOCH_COMPLETED(every=interval), lambda: validator.run(trainer.state.epoch))
    if scored_before:
        StartScores(validator).attach(trainer)
    if stop:
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=stop), trainer.terminate)
    if state:
        kept.load_state_dict(state)
    trainer.load_state_dict({"epoch": epoch, "max_epochs": len(scores), "epoch_length": 1})
    trainer.run([0])
    return trainer, kept


NAN = math.nan


@pytest.mark.parametrize(
    ("patience", "scores", "last"),
    [
        (1, [0.5, 0.4, 0.9], 2),
        (2, [0.5, 0.4, 0.3, 0.9], 3),
        (3, [0.5, 0.4, 0.3, 0.2, 0.9], 4),
        (2, [0.5, 0.5, 0.5, 0.9], 3),  # as good is not better
        (2, [0.5, 0.4, 0.6, 0.5, 0.6, 0.9], 5),  # a better one restores the patience
        (2, [0.1, 0.2, 0.3, 0.4], 4),
        (2, [0.5, NAN, NAN, 0.9], 3),
        (2, [0.5, NAN, 0.6, NAN, 0.5, 0.9], 5),
        (2, [NAN, NAN, NAN, 0.9], 3),
        (2, [NAN, 0.1, 0.0, 0.2, NAN], 5),  # any number is better than none
        (None, [0.5] * 6, 6),
        (None, [NAN] * 6, 6),
    ],
)
def test_patience_by_hand(patience, scores, last):
    trainer, kept = patient(patience, scores)
    assert trainer.state.epoch == last
    assert kept.spent == (last < len(scores))


def test_validations_are_counted_and_not_epochs():
    trainer, _ = patient(2, [0.5] * 9, interval=2)
    assert trainer.state.epoch == 6  # of the validations after 2, 4 and 6


def test_the_log_says_why_it_stopped(caplog):
    caplog.set_level(logging.INFO, logger="scripts.training")
    patient(2, [0.5, 0.4, 0.3, 0.9])
    assert "stopped after epoch 3: 2 validations without a better val_dice than 0.5000" in caplog.text
    caplog.clear()
    patient(2, [0.1, 0.2, 0.3], stop=2)
    assert "stopped" not in caplog.text  # another's doing


@pytest.mark.parametrize("scores", [[0.5, 0.4, 0.6, 0.5, 0.6, 0.9], [NAN, 0.1, NAN, 0.2, 0.2, 0.1, 0.9]])
def test_interrupted_patience_stops_at_the_same_epoch(scores):
    trainer, _ = patient(2, scores)
    last = trainer.state.epoch
    assert 4 < last < len(scores)
    for interrupted in range(1, last):
        _, before = patient(2, scores, stop=interrupted)
        assert not before.spent
        trainer, after = patient(2, scores, state=before.state_dict(), epoch=interrupted)
        assert trainer.state.epoch == last
        assert after.spent


def test_more_patience_goes_on():
    _, before = patient(2, [0.5, 0.4, 0.3, 0.2, 0.1, 0.9])
    trainer, _ = patient(4, [0.5, 0.4, 0.3, 0.2, 0.1, 0.9], state=before.state_dict(), epoch=3)
    assert trainer.state.epoch == 5
    _, none = patient(None, [0.5, 0.4])
    assert none.state_dict() == {}
    none.load_state_dict(before.state_dict())
    assert not none.spent


def test_scores_before_training_try_no_patience():
    """The first of these is what training began with; at patience 1 it would end when it is not reached at once."""
    trainer, _ = patient(1, [0.9, 0.1, 0.2, 0.3, 0.4], scored_before=True)
    assert trainer.state.epoch == 5


# -- scores before training --------------------------------------------------------------------------------------------


def test_what_training_begins_with_is_scored_as_epoch_0():
    epochs = []
    validator, trainer = scripted_validator(val_dice=[0.5, 0.2, 0.3]), Engine(lambda *_: None)
    validator.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: epochs.append(engine.state.epoch))
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: validator.run(trainer.state.epoch))
    StartScores(validator).attach(trainer)
    trainer.run([0], max_epochs=2)
    assert epochs == [0, 1, 2]
    assert validator.state.before == {"val_dice": 0.5}
    assert (validator.state.best_metric, validator.state.best_metric_epoch) == (0.5, 0)
    trainer.load_state_dict({"epoch": 2, "max_epochs": 3, "epoch_length": 1})  # as a resumed training
    trainer.run([0])
    assert epochs == [0, 1, 2, 3]


@pytest.mark.parametrize("patience", [0, -1])
def test_patience_is_at_least_1(patience):
    with pytest.raises(ValueError, match="positive"):
        Patience(patience, scripted_validator(val_dice=[0.5]))
