"""Validation by epoch and second: what is read, averaged and drawn, and when a goal is reached."""

import pytest

from scripts.report.study.epochs import epoch_drawing, goal_of, histories, learned, mean_line, reached
from scripts.report.study.verdict import verdict
from tests.report.study.records import compared, drawn, legend, lines_of, study_of, trial, waiting, write_epochs


def with_epochs(folder, epochs, **more):
    """Trials `one`, a seed for each list of AUROC."""
    trials = compared({"one": (0.9,) * len(epochs)}, **more)
    for each, aurocs in zip(trials, epochs, strict=True):
        write_epochs(folder / each["folder"] / "epochs.csv", aurocs)
        each["epochs_table"] = f"{each['folder']}/epochs.csv"
    return trials


def test_seconds_add_up_and_empty_cells_are_unknown(tmp_path):
    study = study_of(tmp_path, with_epochs(tmp_path, [[0.5, None, 0.9]]))
    history = histories(study, "one")[0]
    assert (history.epochs, history.seconds) == ((1, 2, 3), (10, 20, 30))
    assert history.points("val_auroc", "seconds") == [(10, 0.5), (30, 0.9)]
    assert history.points("val_dice", "epochs") == [(1, 0.3), (3, 0.7)]


def test_a_table_that_grew_is_read_again(tmp_path):
    study = study_of(tmp_path, with_epochs(tmp_path, [[0.5]]))
    assert histories(study, "one")[0].epochs == (1,)
    write_epochs(tmp_path / study.trials[0].epochs_table, [0.5, 0.6])
    assert histories(study, "one")[0].epochs == (1, 2)


def test_when_the_goal_is_reached(tmp_path):
    """By one seed after 2 epochs and 20 s, by another after 4 and 40: on average 3 and 30."""
    rising, slow, never = [0.8, 0.9, 0.89, 0.95], [0.7, 0.8, None, 0.91], [0.5, 0.6, 0.7, 0.8999]
    study = study_of(tmp_path, with_epochs(tmp_path, [rising, slow, never]))
    each = histories(study, "one")
    assert [goal_of(each[n]) for n in range(3)] == [(2, 20), (4, 40), None]
    assert reached(study, "one") == "3 / 30 s, 2 of 3 seeds"
    assert reached(study_of(tmp_path, with_epochs(tmp_path, [never])), "one") == "not reached"
    assert reached(study_of(tmp_path, compared({"one": (0.9,)})), "one") == "–"


def test_how_soon_and_at_what_cost_in_sentences(tmp_path):
    """One reaches the goal after 2 and 4 epochs, each of 10 s; the other does not, and its steps take 1.5 as long."""
    trials = with_epochs(tmp_path, [[0.8, 0.9], [0.7, 0.8, None, 0.91]], step_seconds=0.4)
    other = trial(7, "two", 0.9, step_seconds=0.6, epochs_table="two.csv")
    write_epochs(tmp_path / "two.csv", [0.5, 0.6])
    study = study_of(tmp_path, [*trials, other], pictures=["epochs", "scores"])
    expected = [
        "To an AUROC of 0.9 in validation: one 3 epochs and 30 s; two not reached.",
        "A step of one takes 0.4 s, of two 1.50 times as long.",
    ]
    assert learned(study) == expected
    assert verdict(study).sentences[-2:] == expected
    assert not set(expected) & set(verdict(study_of(tmp_path, [*trials, other], pictures=["scores"])).sentences)
    assert learned(study_of(tmp_path, [waiting(0, "one")])) == []


def test_a_mean_is_taken_where_all_lines_are():
    assert mean_line([[(1, 0.2), (2, 0.4)], [(1, 0.4), (2, 0.6), (3, 0.9)]]) == [(1, pytest.approx(0.3)), (2, 0.5)]
    assert mean_line([[(0, 0.0), (2, 1.0)], [(1, 0.5), (3, 0.5)]]) == [(1, 0.5), (2, 0.75)]
    assert mean_line([[(0, 0.0)], [(1, 0.5)]]) == []
    assert mean_line([[], [(1, 0.5)]]) == [(1, 0.5)]


def test_four_panels_with_thin_seeds_and_a_bold_mean(tmp_path):
    study = study_of(tmp_path, with_epochs(tmp_path, [[0.5, 0.7], [0.7, 0.9]]))
    panels = [drawn(panel) for panel in epoch_drawing(study).panels]
    assert [axes.get_title(loc="left") for axes in panels] == [
        "AUROC by epoch", "Dice by epoch", "AUROC by second", "Dice by second",
    ]  # fmt: skip
    goal = ((0.0, 0.9), (1.0, 0.9))
    assert lines_of(panels[0]) == {((1, 0.5), (2, 0.7)), ((1, 0.7), (2, 0.9)), ((1, 0.6), (2, 0.8)), goal}
    assert lines_of(panels[3]) == {((10, 0.3), (20, 0.5)), ((10, 0.5), (20, 0.7)), ((10, 0.4), (20, 0.6))}
    widths = [line.get_linewidth() for line in panels[0].get_lines()]
    assert widths[2] > 2 * widths[0]
    assert legend(panels[0]) == ["one"]


def test_a_running_trial_is_drawn_and_nothing_is_not(tmp_path):
    trials = with_epochs(tmp_path, [[0.5]], state="running")
    assert lines_of(drawn(epoch_drawing(study_of(tmp_path, trials)).panels[1])) == {((1, 0.3),)}
    assert epoch_drawing(study_of(tmp_path, [waiting(0, "one")])) is None
