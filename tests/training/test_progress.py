"""The time left of a training counts all of its epochs, and those of a resumed one from where it is."""

import logging
from types import SimpleNamespace

import pytest
from ignite.engine import Engine, Events
from monai.inferers import SimpleInferer

from scripts.inference import Bfloat16Inferer
from scripts.training.progress import told_training


def trainer(seen, done=0, epochs=3, enabled=False):
    """Two steps in each epoch; `seen` gets what the progress says after each."""
    engine = Engine(lambda engine, batch: None)
    engine.inferer = Bfloat16Inferer(enabled=enabled, inferer=SimpleInferer())
    engine.data_loader = [0, 1]
    engine.state.max_epochs, engine.state.epoch_length, engine.state.device = epochs, 2, "cpu"
    engine.state.epoch, engine.state.iteration = done, 2 * done
    return engine


@pytest.fixture
def progress(monkeypatch):
    """Stands where the progress does, and keeps what it is told."""
    kept = SimpleNamespace(total=None, begun=[], steps=0, left=[])

    class Kept:
        left = ""

        def __init__(self, task, total):
            kept.total = total

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def begin(self, part, planned):
            kept.begun.append((part, planned))
            kept.left.append(self.left)

        def advance(self):
            kept.steps += 1

    monkeypatch.setattr("scripts.training.progress.Progress", Kept)
    return kept


def run(engine):
    with told_training(engine):
        engine.run(engine.data_loader, max_epochs=engine.state.max_epochs)


def test_all_epochs_count(progress, caplog):
    caplog.set_level(logging.INFO)
    run(trainer(progress))
    assert (progress.total, progress.steps) == (6, 6)
    assert progress.begun == [(f"epoch {number} of 3", 2) for number in (1, 2, 3)]
    assert progress.left == ["{} left, validation aside"] + 2 * ["{} left at most"]
    assert "training on cpu in fp32, at most 3 epochs of 2 steps" in caplog.text


def test_a_resumed_training_counts_what_is_left(progress, caplog):
    caplog.set_level(logging.INFO)
    run(trainer(progress, done=2, enabled=True))
    assert (progress.total, progress.steps) == (2, 2)
    assert progress.begun == [("epoch 3 of 3", 2)]
    assert "training on cpu in bf16, at most 1 epoch of 2 steps" in caplog.text


def test_nothing_stays_behind(progress):
    engine = trainer(progress)
    run(engine)
    assert not engine._event_handlers[Events.EPOCH_STARTED]
    assert not engine._event_handlers[Events.ITERATION_COMPLETED]


def test_the_first_process_alone_tells(progress, caplog, monkeypatch):
    caplog.set_level(logging.INFO, logger="scripts")
    monkeypatch.setattr("ignite.distributed.get_rank", lambda: 1)
    run(trainer(progress))
    assert progress.total is None
    assert not [record for record in caplog.records if record.name.startswith("scripts")]
