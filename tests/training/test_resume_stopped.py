"""What a training says and leaves that ends within an epoch; with a process and a signal in `tests/workflows`."""

import pytest
from ignite.engine import Events

from scripts.core import one_line
from tests.helpers.bundle_command import LEFT_BY_TRAINING as LEFT
from tests.helpers.training_examples import start


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def stopped(run, event, error=KeyboardInterrupt):
    """What is told of a training that ends with this error at this event."""

    def stop(engine):
        raise error

    run.trainer.add_event_handler(event, stop)
    with pytest.raises(error) as raised:
        run.go()
    return one_line(raised.value)


def test_what_was_kept_is_told_when_the_keyboard_stops_it(tmp_path, monkeypatch):
    """Validated every second epoch: the best is of the second, and the fourth had begun."""
    monkeypatch.setattr("sys.argv", ["tubenet train", "run", "--config_file", "train.json", "--epochs", "6"])
    run = start(tmp_path, epochs=6)
    told = stopped(run, Events.EPOCH_STARTED(once=4))
    assert told == (
        f"stopped by the keyboard in epoch 4 of 6; {tmp_path} has model_best.pt of epoch 2 and model_last.pt of "
        "epoch 3; to go on after epoch 3: tubenet train --epochs 6 --resume true"
    )
    assert files(tmp_path) == sorted(LEFT)


def test_the_best_may_be_what_it_began_with(tmp_path):
    run = start(tmp_path, before=True, learning_rate=5.0)
    told = stopped(run, Events.EPOCH_STARTED(once=2))
    assert "has model_best.pt of the start, which no epoch has bettered and model_last.pt of epoch 1" in told


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_weights_that_nothing_trained_do_not_stay(error, tmp_path):
    run = start(tmp_path, before=True)
    there = []
    run.trainer.add_event_handler(Events.ITERATION_STARTED(once=2), lambda: there.append(files(tmp_path)))
    told = stopped(run, Events.ITERATION_COMPLETED(once=2), error)
    assert there == [["model_best.json", "model_best.pt"]]
    assert not files(tmp_path)
    if error is KeyboardInterrupt:
        assert "in epoch 1 of 6, before one had ended, so nothing is kept; to start again: " in told
        assert "--resume" not in told
