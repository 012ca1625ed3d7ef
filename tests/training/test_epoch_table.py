"""The handlers of `handlers.py` that write: the table of epochs, the weights of the best and of the last."""

import csv
import logging
import math
import time

import pytest
import torch
from ignite.engine import Engine, Events
from monai.engines import SupervisedTrainer
from monai.handlers import LrScheduleHandler
from torch import nn

from scripts.training import EpochTable, StartScores, TimedEpochTable, WeightsSaver
from scripts.training.handlers import numbers
from scripts.weights import read_sidecar
from tests.helpers.bundle_command import contents
from tests.helpers.training_examples import scripted_validator, small_disk

NAN = math.nan


def test_only_numbers_are_scores():
    metrics = {"a": 1, "b": NAN, "c": math.inf, "d": torch.zeros(2), "e": None, "f": 0.25}
    assert numbers(metrics) == {"a": 1.0, "f": 0.25}


# -- the table ---------------------------------------------------------------------------------------------------------


def tabled(path, losses, val, test=None, rows=None, begin=0, kind=EpochTable, pause=0.0):
    """Epochs of two iterations whose mean losses are given; `val` validates every second one, `test` every one."""
    network = nn.Conv3d(1, 1, 1)
    engines = {"validate": scripted_validator(val_dice=val)}
    if test:
        engines["test"] = scripted_validator(test_dice=test)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    table = kind(path, optimizer, engines)
    image = torch.ones(1, 1, 2, 2, 2)
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=begin + len(losses),
        train_data_loader=[{"image": image, "label": offset * image} for offset in (-0.25, 0.25)],
        network=network,
        optimizer=optimizer,
        loss_function=lambda pred, label: pred.sum() * 0 + label.mean() + losses[trainer.state.epoch - 1 - begin],
    )
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: time.sleep(pause))
    trainer.add_event_handler(Events.EPOCH_COMPLETED(every=2), lambda: engines["validate"].run(trainer.state.epoch))
    if test:
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: engines["test"].run(trainer.state.epoch))
    table.attach(trainer)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    LrScheduleHandler(schedule, print_lr=False).attach(trainer)
    if rows:
        table.load_state_dict({"rows": rows})
    trainer.load_state_dict({"epoch": begin, "max_epochs": begin + len(losses), "epoch_length": 2})
    for _ in range(begin):
        optimizer.step()
        schedule.step()
    trainer.run()
    return table


BY_HAND = """epoch,iteration,learning_rate,train_loss,test_dice,val_dice
1,2,0.5,3.0,0.5,
2,4,0.25,2.0,0.25,0.75
3,6,0.125,,,
4,8,0.0625,1.0,0.125,
"""  # the third loss and test score are undefined, so is the second validation


def test_the_table_by_hand(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="scripts.training")
    tabled(tmp_path / "new" / "epochs.csv", [3.0, 2.0, NAN, 1.0], [0.75, NAN], [0.5, 0.25, NAN, 0.125])
    assert (tmp_path / "new" / "epochs.csv").read_text() == BY_HAND
    assert list(contents(tmp_path / "new")) == [(tmp_path / "epochs.csv").relative_to(tmp_path)]
    assert "epoch 2 of 4: learning_rate 0.25  train_loss 2.0000  val_dice 0.7500  test_dice 0.2500" in caplog.text
    assert "epoch 3 of 4: learning_rate 0.125\n" in caplog.text  # what is undefined is left out


def test_without_a_test_set_there_is_no_such_column(tmp_path):
    tabled(tmp_path / "epochs.csv", [3.0, 2.0], [0.75])
    header, *rows = csv.reader((tmp_path / "epochs.csv").open())
    assert header == ["epoch", "iteration", "learning_rate", "train_loss", "val_dice"]
    assert rows == [["1", "2", "0.5", "3.0", ""], ["2", "4", "0.25", "2.0", "0.75"]]


def test_seconds_are_those_of_the_steps_and_not_of_validation(tmp_path):
    tabled(tmp_path / "epochs.csv", [3.0, 2.0], [0.75], kind=TimedEpochTable, pause=2.0)
    rows = list(csv.DictReader((tmp_path / "epochs.csv").open()))
    assert list(rows[0]) == ["epoch", "iteration", "learning_rate", "train_loss", "seconds", "val_dice"]
    assert all(0 <= float(row["seconds"]) < 2 for row in rows)


def test_rows_go_on_below_those_of_before(tmp_path):
    first = tabled(tmp_path / "one.csv", [3.0, 2.0], [0.75], [0.5, 0.25])
    tabled(tmp_path / "two.csv", [NAN, 1.0], [NAN], [NAN, 0.125], first.state_dict()["rows"], begin=2)
    assert (tmp_path / "two.csv").read_text() == BY_HAND


def test_a_table_that_cannot_be_written_stays_as_it_was(tmp_path):
    path = tmp_path / "epochs.csv"
    rows = tabled(path, [3.0], [0.75]).state_dict()["rows"]
    before = contents(tmp_path)
    with small_disk(80), pytest.raises(OSError, match=r"epochs\.csv: cannot be written \(File too large\)"):
        tabled(path, [2.0], [0.75], rows=rows, begin=1)
    assert contents(tmp_path) == before


# -- weights -----------------------------------------------------------------------------------------------------------


def trained(folder, interval=1, scored_before=False, only_best=True, **scores):
    """A trainer whose weight is its epoch; validation gives the scores that are asked for."""
    network = nn.Conv3d(1, 1, 1)
    nn.init.constant_(network.weight, 0)
    best = WeightsSaver(network, folder / "model_best.pt", {"threshold": 0.5}, only_best=only_best)
    validator = scripted_validator([best], **scores)
    trainer = Engine(lambda trainer, _: nn.init.constant_(network.weight, trainer.state.epoch) and None)
    trainer.add_event_handler(Events.EPOCH_COMPLETED(every=interval), lambda: validator.run(trainer.state.epoch))
    WeightsSaver(network, folder / "model_last.pt", {"seed": 7, "threshold": 0.4}, validator=validator).attach(trainer)
    if scored_before:
        StartScores(validator).attach(trainer)
    trainer.run([0], max_epochs=len(scores["val_dice"]) - scored_before)
    weight = {name: torch.load(folder / f"model_{name}.pt")["weight"].item() for name in ("best", "last")}
    return weight, {name: read_sidecar(folder / f"model_{name}.pt") for name in ("best", "last")}


def test_the_best_epoch_is_kept_and_the_last(tmp_path):
    weight, sidecar = trained(tmp_path, val_dice=[0.2, 0.9, 0.5, 0.1], threshold=[0.3, 0.6, 0.7, 0.8])
    assert weight == {"best": 2, "last": 4}
    assert [sidecar[name]["epoch"] for name in ("best", "last")] == [2, 4]
    assert sidecar["best"]["validation"] == {"val_dice": 0.9, "threshold": 0.6}
    assert sidecar["last"]["validation"] == {"val_dice": 0.1, "threshold": 0.8}
    assert sidecar["best"]["threshold"] == 0.6
    assert sidecar["last"]["threshold"] == 0.8
    assert sidecar["last"]["seed"] == 7


def test_a_snapshot_of_every_validation_is_named_by_its_epoch(tmp_path):
    network = nn.Conv3d(1, 1, 1)
    saver = WeightsSaver(network, tmp_path / "snapshots" / "epoch_{epoch}.pt", {})
    validator = scripted_validator([saver], val_dice=[0.2, 0.9])
    trainer = Engine(lambda trainer, _: nn.init.constant_(network.weight, trainer.state.epoch) and None)
    trainer.add_event_handler(Events.EPOCH_COMPLETED(every=2), lambda: validator.run(trainer.state.epoch))
    trainer.run([0], max_epochs=4)
    snapshots = {path.name: torch.load(path)["weight"].item() for path in (tmp_path / "snapshots").glob("*.pt")}
    assert snapshots == {"epoch_0002.pt": 2, "epoch_0004.pt": 4}


@pytest.mark.parametrize(("dice", "best"), [([0.5, 0.2, 0.9, 0.7], 2), ([0.5, 0.2, 0.5, 0.4], 0)])
def test_the_weights_that_it_began_with_are_kept_if_none_are_better(dice, best, tmp_path):
    weight, sidecar = trained(tmp_path, scored_before=True, val_dice=dice, threshold=[0.3, 0.4, 0.6, 0.8])
    assert weight == {"best": best, "last": 3}
    assert sidecar["best"]["epoch"] == best
    assert sidecar["best"]["validation"] == {"val_dice": dice[best], "threshold": [0.3, 0.4, 0.6][best]}
    before = {"val_dice": 0.5, "threshold": 0.3}
    assert sidecar["last"]["validation_before"] == before
    assert sidecar["best"]["validation_before"] == before


def test_what_validates_on_itself_keeps_the_last_epoch(tmp_path):
    weight, sidecar = trained(tmp_path, only_best=False, val_dice=[0.2, 0.9, 0.5])
    assert weight == {"best": 3, "last": 3}
    assert sidecar["best"]["validation"] == {"val_dice": 0.5}


def test_a_score_that_is_undefined_is_neither_stated_nor_a_threshold(tmp_path):
    weight, sidecar = trained(tmp_path, val_dice=[0.2, 0.3], threshold=[NAN, NAN])
    assert weight["best"] == 2
    assert sidecar["best"]["validation"] == {"val_dice": 0.3}
    assert sidecar["best"]["threshold"] == 0.5


def test_scores_of_an_earlier_epoch_are_not_those_of_the_last(tmp_path):
    """Validated after epochs 2 and 4; epoch 5 is not, but calls vessel what validation last chose to."""
    weight, sidecar = trained(tmp_path, interval=2, val_dice=[0.2, 0.1, 0.5, 0.5, 0.5], threshold=[0.3, 0.6])
    assert weight == {"best": 2, "last": 5}
    assert "validation" not in sidecar["last"]
    assert sidecar["last"]["epoch"] == 5
    assert sidecar["last"]["threshold"] == 0.6
    assert sidecar["best"]["validation"] == {"val_dice": 0.2, "threshold": 0.3}
