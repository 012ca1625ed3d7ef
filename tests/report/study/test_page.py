"""The page of a study: what it says, and in which order."""

import re

from scripts.report.study.page import (
    again,
    best_trial,
    conditions,
    cost_table,
    made,
    render,
    summary_table,
    trial_table,
)
from scripts.report.study.record import read_record
from tests.report.page.test_write import Page
from tests.report.study import records
from tests.report.study.records import compared, study_of, trial, waiting, write, write_epochs


def test_the_verdict_stands_first_then_numbers_cost_trials_and_how_it_was_made(tmp_path):
    figures = {"figures": {"one": 0.9, "two": 0.8}, "where": "figure 2", "found": "One was best.", "metric": "auroc"}
    study = study_of(tmp_path, compared({"one": (0.9, 0.91), "two": (0.8, 0.8101)}), paper=figures)
    page = Page(render(study, [], ["the picture roc: is broken"]))
    order = [
        "Which is best?", "one is the best of 2", "In numbers", "paper: AUROC", "Beside the paper", "One was best.",
        "The order of the variants agrees", "What it costs", "To train it again", "--seed 0 --variant 'one'",
        "All trials", "What is not shown", "the picture roc: is broken", "How this was made", "41.5 minutes",
    ]  # fmt: skip
    places = [page.text.find(words) for words in order]
    assert -1 not in places
    assert places == sorted(places)
    assert "4 of 4 trials done" in page.text


def test_whatever_the_record_says_is_escaped_and_nothing_is_loaded(tmp_path):
    trials = [trial(0, "<script>alert(1)</script>", 0.9), waiting(1, "two", state="failed", problem="<b>bad</b>")]
    html = render(study_of(tmp_path, trials, title="<i>", question="<u>?"), [], [])
    page = Page(html)
    assert "<script>alert(1)</script>" in page.text
    assert "Trial 1: <b>bad</b>" in page.text
    assert html.count("<script") == 1
    allowed = next(each["content"] for _, each in page.elements if each.get("http-equiv") == "Content-Security-Policy")
    assert allowed.startswith("default-src 'none'; img-src data:")
    assert not re.search(r"(?:src|href)=\"(?!data:)", html)


def test_a_search_stands_by_validation_and_says_that_the_rest_had_no_say(tmp_path):
    study = read_record(write(tmp_path, records.search(tmp_path)))
    table = summary_table(study)
    assert [name for name, _ in table.head][:5] == [
        "place",
        "learning rate",
        "activation",
        "dropout",
        "Dice on validation",
    ]
    scores = [float(row[4]) for row in table.rows]
    assert scores == sorted(scores, reverse=True)
    assert table.rows[0][5] == "0.930"
    assert {row[5] for row in table.rows[1:]} == {"–"}
    assert best_trial(study).validation == scores[0]
    assert "chosen on validation: what was held out had no say" in render(study, [], [])
    assert len(cost_table(study).rows) == 1


def test_the_summary_has_the_papers_figure_and_how_soon_it_learned(tmp_path):
    trials = compared({"one": (0.9, 0.8)})
    for each in trials:
        write_epochs(tmp_path / each["folder"] / "epochs.csv", [0.8, 0.92])
        each["epochs_table"] = f"{each['folder']}/epochs.csv"
    study = study_of(tmp_path, trials, paper={"figures": {"one": 0.86}}, pictures=["epochs"])
    (row,) = summary_table(study).rows
    assert row == ["one", "0.850 ± 0.071", "0.750 ± 0.071", "0.650 ± 0.071", "2", "0.860", "2 / 20 s"]
    assert len(summary_table(study).head) == len(row)


def test_cost_is_the_mean_of_what_is_done(tmp_path):
    trials = [trial(0, "one", 0.9, step_seconds=0.5, train_seconds=60.0), waiting(1, "two"),
              trial(2, "one", 0.9, 1, step_seconds=1.5, train_seconds=120.0)]  # fmt: skip
    assert cost_table(study_of(tmp_path, trials)).rows == [["one", "400", "1.000", "1 min 30 s", "20 s"]]


def test_all_trials_with_their_state(tmp_path):
    trials = [trial(0, "one", 0.9, 7), waiting(1, "two", 8, "running")]
    first, second = trial_table(study_of(tmp_path, trials)).rows
    assert first == ["0", "✓ complete", "one", "7", "0.610", "0.900", "0.800", "0.700"]
    assert second == ["1", "▸ running", "two", "8", "–", "–", "–", "–"]


def test_the_best_trial_is_of_the_first_variant_and_chosen_on_validation(tmp_path):
    trials = [trial(0, "as it is", 0.99, steps=0), *compared({"one": (0.9, 0.7), "two": (0.5,)})]
    trials[1]["validation"], trials[2]["validation"] = 0.3, 0.4
    best = best_trial(study_of(tmp_path, trials))
    assert (best.variant, best.seed) == ("one", 1)
    assert best_trial(study_of(tmp_path, [waiting(0, "one")])) is None


def test_training_again_has_a_folder_of_its_own(tmp_path):
    study = study_of(tmp_path, compared({"one": (0.9,)}))
    assert again(study.trials[0]) == "python -m monai.bundle run --seed 0 --variant 'one' --ckpt_dir DIR"
    assert again(None) == ""
    for given in ("--ckpt_dir /a/b", "--ckpt_dir '/a b/c'", '--ckpt_dir="/a b"'):
        trials = compared({"one": (0.9,)}, command=f"tubenet train {given} --seed 3")
        assert again(study_of(tmp_path, trials).trials[0]) == "tubenet train --seed 3 --ckpt_dir DIR"
    text = Page(render(study, [], [])).text
    assert "Put a new folder of its own for DIR" in text
    assert "--variant 'one' --ckpt_dir DIR" in text


def test_conditions_stand_with_figures(tmp_path):
    study = study_of(tmp_path, [])
    assert conditions(study) == "a budget of 60 minutes, 3 seeds, 8 × 50 steps of 2 patches"
    assert ("each training", "8 epochs × 50 steps × 2 patches") in made(study)
    assert "Nothing can be said yet" in render(study, [], [])
