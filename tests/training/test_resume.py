"""A training that was stopped and resumed against one that never was; what is refused; what is set aside."""

import json
import logging
import os
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from ignite.engine import Events

from tests.helpers.bundle_command import LEFT_BY_TRAINING as LEFT
from tests.helpers.bundle_command import contents
from tests.helpers.training_examples import FINGERPRINT, Hostile, small_disk, start
from tests.helpers.volume_examples import told


def kill(run, event):
    """Train until then."""

    def interrupt():
        raise InterruptedError

    run.trainer.add_event_handler(event, interrupt)
    with pytest.raises(InterruptedError):
        run.go()


# -- there and back ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [Events.EPOCH_STARTED(once=4), Events.ITERATION_STARTED(once=11), Events.ITERATION_COMPLETED(once=12)],
    ids=["between epochs", "within one", "at the end of one"],
)
def test_a_resumed_training_is_the_one_that_was_never_stopped(tmp_path, event):
    whole = start(tmp_path / "whole")
    whole.go()
    kill(start(tmp_path / "parts"), event)
    rest = start(tmp_path / "parts", seed=99)  # first weights and random state are another process's
    rest.go(resume=True)

    assert rest.trainer.state.epoch == whole.trainer.state.epoch == 6
    assert rest.trainer.state.iteration == 18
    for name, value in whole.network.state_dict().items():
        assert torch.equal(rest.network.state_dict()[name], value)
    for number, moments in whole.optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            assert torch.equal(rest.optimizer.state_dict()["state"][number][name], value)
    assert rest.optimizer.param_groups[0]["lr"] == whole.optimizer.param_groups[0]["lr"] == pytest.approx(0.005)
    assert rest.schedule.state_dict() == whole.schedule.state_dict()
    assert rest.table.rows == whole.table.rows
    for name in ("best_metric", "best_metric_epoch", "epoch", "metrics"):
        assert getattr(rest.validator.state, name) == getattr(whole.validator.state, name), name
    left, right = contents(tmp_path / "parts"), contents(tmp_path / "whole")
    del left[Path("resume.pt")], right[Path("resume.pt")]  # has the same in it, in other bytes
    assert left == right
    assert len(left) == 5


def test_a_resumed_training_knows_what_it_began_with(tmp_path):
    """The sidecars of a training that was stopped are those of one that was not, and its own scores are among them."""
    whole = start(tmp_path / "whole", before=True)
    whole.go()
    kill(start(tmp_path / "parts", before=True), Events.EPOCH_STARTED(once=4))
    rest = start(tmp_path / "parts", seed=99, before=True)
    rest.go(resume=True)
    assert rest.validator.state.before == whole.validator.state.before
    for name in ("model_best.json", "model_last.json"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert json.loads((tmp_path / "whole" / "model_last.json").read_text())["validation_before"].keys() == {"score"}


@pytest.mark.parametrize("forgotten", ["network", "optimizer"])
def test_another_end_where_a_part_is_not_resumed(tmp_path, forgotten):
    """Else the test above would show nothing."""
    whole = start(tmp_path / "whole")
    whole.go()
    scores = [row["score"] for row in whole.table.rows if "score" in row]
    assert len(set(scores)) == 3
    assert scores == sorted(scores)  # it learns
    kill(start(tmp_path / "parts"), Events.EPOCH_STARTED(once=4))
    rest = start(tmp_path / "parts", seed=99)
    fresh = deepcopy(rest.state.stateful[forgotten].state_dict())
    rest.state.restore(rest.trainer)
    rest.state.stateful[forgotten].load_state_dict(fresh)
    rest.trainer.run()
    assert not torch.equal(rest.network[0].weight, whole.network[0].weight)


def test_patience_is_resumed(tmp_path):
    """Without learning no validation is better than the first, after epoch 2; two more are those of 4 and 6."""
    how = {"epochs": 10, "patience": 2, "learning_rate": 0.0}
    kill(start(tmp_path, **how), Events.EPOCH_STARTED(once=6))
    rest = start(tmp_path, **how)
    rest.go(resume=True)
    assert rest.trainer.state.epoch == 6
    assert rest.patience.spent
    assert rest.validator.state.best_metric_epoch == 2


def test_the_count_of_bad_steps_is_resumed(tmp_path):
    run = start(tmp_path, epochs=2)
    run.guard.skipped = 4
    run.go()
    rest = start(tmp_path, epochs=2)
    rest.state.restore(rest.trainer)
    assert rest.guard.skipped == 4


# -- where it ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"epochs": 3}, "training ended after epoch 3, --epochs is 3"),
        ({"epochs": 9, "patience": 1, "learning_rate": 0.0}, "training ended after epoch 4, its patience has run out"),
    ],
)
def test_a_training_at_its_end_is_left_alone(tmp_path, how, why, caplog):
    start(tmp_path, **how).go()
    before = contents(tmp_path)
    rest = start(tmp_path, seed=99, **how)
    rest.go(resume=True)
    assert contents(tmp_path) == before
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING] == [f"nothing to do: {why}"]


def test_fewer_epochs_than_are_done_change_nothing(tmp_path, caplog):
    start(tmp_path, epochs=3).go()
    before = contents(tmp_path)
    start(tmp_path, epochs=2).go(resume=True)
    assert contents(tmp_path) == before
    assert "training ended after epoch 3, --epochs is 2" in caplog.text


def test_more_epochs_go_on(tmp_path):
    """The learning rate goes on to fall at the pace of the beginning, a tenth in 3 epochs, and not in 5."""
    start(tmp_path, epochs=3).go()
    rest = start(tmp_path, seed=99, epochs=5)
    rest.go(resume=True)
    assert rest.trainer.state.epoch == 5
    assert [row["epoch"] for row in rest.table.rows] == [1, 2, 3, 4, 5]
    rates = [row["learning_rate"] for row in rest.table.rows]
    assert rates == pytest.approx([0.05 * 0.1 ** (epoch / 3) for epoch in range(5)])


def test_more_patience_goes_on(tmp_path):
    how = {"epochs": 10, "learning_rate": 0.0}
    start(tmp_path, patience=1, **how).go()
    rest = start(tmp_path, patience=3, **how)
    rest.go(resume=True)
    assert rest.trainer.state.epoch == 8


# -- refusals ----------------------------------------------------------------------------------------------------------


def refused(folder, error=ValueError, fingerprint=FINGERPRINT):
    """The one line that resuming ends in; nothing is changed, in the folder or the network."""
    run, before = start(folder, fingerprint=fingerprint), contents(folder)
    weight = run.network[0].weight.clone()
    with pytest.raises(error) as info:
        run.go(resume=True)
    told(info, folder / "resume.pt")
    assert contents(folder) == before
    assert torch.equal(run.network[0].weight, weight)
    assert run.trainer.state.epoch == 0
    return str(info.value)


def test_nothing_to_resume(tmp_path):
    assert "leave --resume out" in refused(tmp_path, FileNotFoundError)


def test_another_fingerprint_is_refused(tmp_path):
    start(tmp_path, epochs=1).go()
    here = {"seed": 4, "patch_size": [16, 16, 16], "loss": "Dice", "frozen": ["encoder.0"]}
    why = refused(tmp_path, fingerprint=here)
    assert 'started with frozen null and not ["encoder.0"], seed 3 and not 4; resume with' in why
    assert "patch_size" not in why  # lists and tuples are the same
    assert "--ckpt_dir" in why


def test_another_accumulation_of_gradients_is_refused(tmp_path):
    start(tmp_path, epochs=2).go()
    rest = start(tmp_path)
    rest.trainer.accumulation_steps = 2
    with pytest.raises(ValueError, match=r"started with trainer#accumulation_steps null and not 2; resume with"):
        rest.go(resume=True)


def test_a_pipe_would_never_end(tmp_path):
    os.mkfifo(tmp_path / "resume.pt")
    with pytest.raises(OSError, match=r"resume\.pt: is a pipe, socket or device and not a file"):
        start(tmp_path).go(resume=True)


@pytest.mark.parametrize("length", [0, 10, -100])
def test_a_file_cut_short(tmp_path, length):
    start(tmp_path, epochs=1).go()
    path = tmp_path / "resume.pt"
    path.write_bytes(path.read_bytes()[:length])
    assert "is damaged, so nothing was resumed" in refused(tmp_path)


def test_a_foreign_file(tmp_path):
    of_0_6_0 = {"course": {}, "epoch": 3, "iteration": 9, "validator": {}, "states": {}}
    for content in ([1, 2], of_0_6_0, start(tmp_path).network.state_dict()):
        torch.save(content, tmp_path / "resume.pt")
        assert "was not written by this version of the bundle" in refused(tmp_path)


def test_a_file_of_another_version(tmp_path):
    run = start(tmp_path, epochs=1)
    del run.state.stateful["table"]
    run.go()
    assert "was not written by this version of the bundle" in refused(tmp_path)


def test_nothing_is_unpickled(tmp_path):
    start(tmp_path, epochs=1).go()
    path, target = tmp_path / "resume.pt", tmp_path / "pwned"
    torch.save({**torch.load(path), "epoch": Hostile(target)}, path)
    assert "is damaged, so nothing was resumed" in refused(tmp_path)
    assert not target.exists()
    torch.load(path, weights_only=False)
    assert target.exists()  # else the test would not have tested anything


def test_a_full_disk_leaves_the_state_of_the_epoch_before(tmp_path):
    run = start(tmp_path, epochs=1)
    run.go()
    before = contents(tmp_path)
    with small_disk(3000), pytest.raises(OSError, match=r"resume\.pt: cannot be written \(File too large\)"):
        run.state(run.trainer)
    assert contents(tmp_path) == before


# -- what an earlier training left -------------------------------------------------------------------------------------


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_earlier_training_is_set_aside(tmp_path):
    start(tmp_path, epochs=2).go()
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "model.pt").write_text("mine too")
    (tmp_path / "runs").mkdir()
    first = {name: (tmp_path / name).read_bytes() for name in LEFT}
    start(tmp_path, seed=5, epochs=2).go()
    assert files(tmp_path) == sorted([*LEFT, "model.pt", "notes.txt", *(f"previous/{name}" for name in LEFT)])
    assert {name: (tmp_path / "previous" / name).read_bytes() for name in LEFT} == first
    assert all((tmp_path / name).read_bytes() != first[name] for name in LEFT)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_earlier_trainings_have_a_folder_each(tmp_path):
    start(tmp_path, epochs=2).go()
    first = contents(tmp_path)
    start(tmp_path, epochs=1).go()  # never validated, so it leaves no best weights
    start(tmp_path, epochs=1).go()
    assert contents(tmp_path / "previous") == first
    assert files(tmp_path / "previous_2") == [name for name in LEFT if "best" not in name]


def test_weights_of_other_origin_are_set_aside_too(tmp_path):
    (tmp_path / "model_best.pt").write_text("weights")
    (tmp_path / "previous").write_text("a file")
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "epoch_0010.pt").write_text("of an earlier pre-training")
    start(tmp_path).state.set_aside()
    assert files(tmp_path) == ["previous", "previous_2/model_best.pt", "previous_2/snapshots/epoch_0010.pt"]
    assert (tmp_path / "previous_2" / "model_best.pt").read_text() == "weights"


def test_a_server_keeps_nothing_of_earlier_trainings(tmp_path):
    start(tmp_path, epochs=2).go()
    (tmp_path / "notes.txt").write_text("mine")
    start(tmp_path).state.clear()
    assert files(tmp_path) == ["notes.txt"]
    start(tmp_path / "missing").state.clear()


def test_nothing_to_set_aside(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for folder in (tmp_path, tmp_path / "missing"):
        before = contents(folder)
        start(folder).state.set_aside()
        assert contents(folder) == before
