"""Trials of a study in a real SQLite file, seen by several storages as by several processes."""

from pathlib import Path

import pytest
from filelock import FileLock

from scripts.core import UserError
from scripts.study import Storage, Trial, database_in
from scripts.study.storage import levels_of

PLAN = [
    Trial(loss, seed, Path("trains"), Path("scored"), {"loss": loss, "seed": seed})
    for seed in (0, 1)
    for loss in ("focal", "dice")
]


def storage_of(folder, **how):
    return Storage(f"sqlite:///{folder / 'losses.db'}", "losses", folder / "trials", **how)


@pytest.fixture
def storage(tmp_path):
    found = storage_of(tmp_path)
    found.enqueue(PLAN)
    return found


def finish(storage, trial, value=0.5):
    storage.study.tell(trial, value)


def test_each_trial_is_taken_once_in_the_order_of_the_plan(storage, tmp_path):
    other = storage_of(tmp_path)
    taken = []
    with storage.next_trial(PLAN) as (first, one), other.next_trial(PLAN) as (second, two):
        taken += [first, second]
        assert (one.params, two.params) == (PLAN[0].params, PLAN[1].params)
        finish(storage, one)
        finish(other, two)
    for each in (other, storage):
        with each.next_trial(PLAN) as (number, trial):
            taken.append(number)
            finish(each, trial)
    with storage.next_trial(PLAN) as nothing:
        assert nothing is None
    assert taken == [0, 1, 2, 3]
    assert len(storage.study.trials) == len(PLAN)


def test_a_plan_is_enqueued_once(storage, tmp_path):
    storage_of(tmp_path).enqueue(PLAN)
    storage.enqueue([*PLAN, Trial("wcce", 0, None, Path("scored"), {"loss": "wcce", "seed": 0})])
    assert [trial.user_attrs["number"] for trial in storage.study.trials] == [0, 1, 2, 3, 4]


def test_a_trial_whose_process_was_killed_is_enqueued_once_more(storage, tmp_path):
    with storage.next_trial(PLAN):
        assert storage_of(tmp_path).requeue_killed() == []  # it runs, and its lock is held
    assert storage_of(tmp_path).requeue_killed() == [0]
    assert storage_of(tmp_path).requeue_killed() == []
    with storage.next_trial(PLAN) as (number, trial):
        assert (number, trial.params) == (0, PLAN[0].params)
        finish(storage, trial, 0.75)
    assert storage.latest()[0].value == 0.75
    assert sorted(storage.latest()) == [0, 1, 2, 3]


def test_what_another_process_holds_is_passed_over(storage, tmp_path):
    with FileLock(tmp_path / "trials" / ".000.lock"), storage.next_trial(PLAN) as (number, _):
        assert number == 1


def test_what_failed_is_tried_again_when_it_is_asked_for(storage):
    with storage.next_trial(PLAN) as (_, trial):
        storage.study.tell(trial, None, storage.states.FAIL)
    assert storage.requeue_killed() == []
    storage.requeue_failed()
    with storage.next_trial(PLAN) as (number, trial):
        assert number == 0
        finish(storage, trial)
    storage.requeue_failed()
    assert [each.state.name for _, each in sorted(storage.latest().items())] == ["COMPLETE"] + ["WAITING"] * 3


def test_a_study_keeps_what_it_was_begun_with(storage, tmp_path):
    terms = {"seeds": 3, "sides": (1, 2)}
    storage.check({**terms, "seeds": 4})  # nothing has begun
    storage.begin(terms, PLAN)
    storage_of(tmp_path).check(terms)
    assert len(storage.study.trials) == len(PLAN)
    with pytest.raises(UserError, match=r"losses: this study was begun with another seeds \(3\); give that again, or"):
        storage_of(tmp_path).check({**terms, "seeds": 4})


def test_a_trial_that_validates_worse_than_others_is_pruned_in_a_search_alone(tmp_path):
    for prune, stopped in ((True, True), (False, False)):
        folder = tmp_path / str(prune)
        folder.mkdir()
        storage = storage_of(folder, prune=prune)
        plan = [Trial(str(n), 0, None, Path("scored"), {"rate": n}) for n in range(6)]
        storage.enqueue(plan)
        for value in (0.9, 0.8, 0.7, 0.8, 0.9, 0.1):
            with storage.next_trial(plan) as (_, trial):
                for epoch in range(1, 5):
                    trial.report(value, epoch)
                pruned = trial.should_prune()
                finish(storage, trial, value)
        assert bool(pruned) is stopped


def test_what_decides_is_important(tmp_path):
    storage = storage_of(tmp_path)
    plan = [Trial("v", 0, None, Path("s"), {"rate": rate, "drop": drop}) for rate in (1, 2, 3) for drop in (0.1, 0.2)]
    storage.enqueue(plan)
    assert storage.importances(["rate", "drop"]) is None
    for each in plan:
        with storage.next_trial(plan) as (_, trial):
            finish(storage, trial, float(each.params["rate"]))
    found = storage.importances(["rate", "drop"])
    assert found["rate"] > 0.9
    assert sum(found.values()) == pytest.approx(1)


def test_levels_are_those_of_the_plan():
    assert levels_of(PLAN) == {"loss": ["focal", "dice"], "seed": [0, 1]}


@pytest.mark.parametrize("url", ["nothing", "sqlite:////no/such/folder/a.db"])
def test_a_storage_that_cannot_be_opened_is_refused(url, tmp_path):
    with pytest.raises(UserError, match="cannot be opened"):
        Storage(url, "losses", tmp_path)


@pytest.mark.parametrize("name", ["plain", "a b", "{x}", "a%20b", "q?x=1", "it's", "#1"])
def test_a_database_lies_in_its_folder_whatever_that_is_called(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    Storage(database_in(folder, "losses"), "losses", folder).enqueue(PLAN)
    assert [path.name for path in folder.iterdir()] == ["losses.db"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_password_is_not_shown(tmp_path):
    with pytest.raises(UserError, match="cannot be opened") as caught:
        Storage("postgresql://me:secret@127.0.0.1:1/none", "losses", tmp_path)
    assert "secret" not in str(caught.value)
