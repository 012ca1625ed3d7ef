"""The table of trials: its columns, and its rows."""

import csv

from scripts.report.study.table import table_rows, write_table
from tests.report.study.records import study_of, trial, waiting


def test_a_row_a_trial_and_volume_and_one_for_a_trial_without_scores(tmp_path):
    trials = [trial(0, "one", {"a": 0.9, "b": 0.8}, 3), waiting(1, "two", state="failed", problem="out of memory")]
    write_table(tmp_path / "x.csv", study_of(tmp_path, trials))
    with (tmp_path / "x.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["number"], row["variant"], row["loss"], row["seed"], row["volume"]) for row in rows] == [
        ("0", "one", "one", "3", "a"),
        ("0", "one", "one", "3", "b"),
        ("1", "two", "two", "0", ""),
    ]
    assert [(row["auroc"], row["dice"], row["steps"], row["state"]) for row in rows] == [
        ("0.9", "0.7", "400", "complete"),
        ("0.8", "0.6", "400", "complete"),
        ("", "", "", "failed"),
    ]
    assert rows[2]["problem"] == "out of memory"
    assert rows[0]["command"].startswith("python -m monai.bundle run")


def test_what_trials_are_about_has_columns_but_not_twice(tmp_path):
    about = {"size": 64, "seen": ["ct", "mri"], "seed": "odd", "loss": "one", "kind_of": {"a": "retina"}}
    head, row = table_rows(study_of(tmp_path, [trial(0, "one", 0.9, about=about)]))
    cells = dict(zip(head, row, strict=True))
    assert (cells["size"], cells["seen"], cells["about_seed"], cells["kind"]) == (64, "ct; mri", "odd", "retina")
    assert not {"about_loss", "kind_of", "about_kind_of"} & set(head)
    assert len(set(head)) == len(head)
