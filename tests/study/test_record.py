from pathlib import Path

from scripts.study import Storage, Trial, best_by_validation, folder_of, record_of

DESCRIPTION = {
    "design": "compare",
    "title": "Losses",
    "question": "Which?",
    "factors": ["loss"],
    "paper": {},
    "metric": "auroc",
    "metrics": ["auroc"],
    "pictures": ["roc"],
    "epochs": 2,
}
PLAN = [
    Trial("focal", 0, Path("t"), Path("s"), {"loss": "focal"}, about={"held_out": "a quarter", "size": 3}),
    Trial("dice", 0, None, Path("s"), {"loss": "dice"}),
    Trial("wcce", 0, Path("t"), Path("s"), {"loss": "wcce"}),
]


def storage_of(folder):
    storage = Storage(f"sqlite:///{folder / 'a.db'}", "losses", folder)
    storage.enqueue(PLAN)
    return storage


def test_a_record_has_every_trial_of_the_plan(tmp_path):
    storage = storage_of(tmp_path)
    with storage.next_trial(PLAN) as (_, trial):
        trial.set_user_attr("scores", {"v": {"auroc": 0.9}})
        trial.set_user_attr("total_seconds", 90)
        storage.study.tell(trial, 0.5)
    with storage.next_trial(PLAN) as (_, trial):
        trial.set_user_attr("problem", "no memory")
        storage.study.tell(trial, None, storage.states.FAIL)
    record = record_of("losses", DESCRIPTION, PLAN, storage.latest(), budget_minutes=60)
    assert [each["state"] for each in record["trials"]] == ["complete", "failed", "waiting"]
    first, second, third = record["trials"]
    assert (first["scores"], first["about"]) == ({"v": {"auroc": 0.9}}, {"size": 3})
    assert first["epochs_table"] == "losses_trials/000/weights/epochs.csv"
    assert (second["problem"], second["epochs_table"]) == ("no memory", None)
    assert (third["steps"], third["scores"]) == (None, {})
    assert (record["spent_minutes"], record["budget_minutes"], record["question"]) == (1.5, 60, "Which?")
    assert folder_of("losses", 12) == Path("losses_trials/012")


def test_the_best_is_that_which_validated_best(tmp_path):
    storage = storage_of(tmp_path)
    assert best_by_validation(PLAN, storage.latest()) is None
    for validation in (0.3, 0.7, None):
        with storage.next_trial(PLAN) as (_, trial):
            trial.set_user_attr("validation", validation)
            trial.set_user_attr("scores", {"v": {"auroc": 1 - (validation or 0)}})
            storage.study.tell(trial, validation or 0.0)
    assert best_by_validation(PLAN, storage.latest()) == 1
