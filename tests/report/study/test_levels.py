"""Trials of a search by level, and what matters."""

from scripts.report.study.levels import importance_drawing, ordered_levels, search_drawing
from tests.report.study.records import drawn, legend, lines_of, study_of, ticks, trial, waiting


def searched(folder, more=()):
    params = [{"learning_rate": rate, "activation": name} for rate, name in ((1e-3, "ReLU"), (1e-4, "Leaky 0.2"))]
    trials = [
        trial(0, "a", None, validation=0.5, params=params[0]),
        trial(1, "b", None, validation=0.7, params=params[1]),
        waiting(2, "c", state="pruned", validation=0.9, params=params[1]),
        waiting(3, "d", params=params[1]),
        *more,
    ]
    return study_of(folder, trials, "search", factors=["learning_rate", "activation"])


def test_a_panel_for_each_hyperparameter(tmp_path):
    rate, activation = map(drawn, search_drawing(searched(tmp_path)).panels)
    assert (ticks(rate, "x"), ticks(activation, "x")) == (["0.0001", "0.001"], ["Leaky\n0.2", "ReLU"])
    assert lines_of(rate) == {((-0.15, 0.7),), ((0.15, 0.9),), ((1.0, 0.5),)}
    assert legend(rate) == ["trial", "the best on validation", "stopped early"]


def test_pruned_ones_are_hollow_and_the_best_complete_one_has_a_ring(tmp_path):
    axes = drawn(search_drawing(searched(tmp_path)).panels[0])
    faces = [(round(line.get_ydata()[0], 2), line.get_markerfacecolor()) for line in axes.get_lines()]
    assert [y for y, face in faces if face == "none"] == [0.7, 0.9]  # the ring, and the one that was stopped
    assert len(faces) == 4


def test_many_numbers_lie_along_a_scale(tmp_path):
    more = [trial(9 + n, f"{n}", None, validation=0.1, params={"learning_rate": 1e-5 * 1.5**n}) for n in range(20)]
    axes = drawn(search_drawing(searched(tmp_path, more)).panels[0])
    assert axes.get_xscale() == "log"
    assert ((0.001, 0.5),) in lines_of(axes)


def test_levels_are_in_their_order(tmp_path):
    trials = [trial(n, f"{n}", None, params={"x": x, "y": str(x)}) for n, x in enumerate((10, 9, 10, 1))]
    trials = study_of(tmp_path, trials).trials
    assert (ordered_levels(trials, "x"), ordered_levels(trials, "y")) == ([1, 9, 10], ["1", "10", "9"])


def test_importances_are_bars_the_longest_first(tmp_path):
    study = study_of(tmp_path, [], "search", importances={"dropout": 0.2, "learning_rate": 0.8})
    axes = drawn(importance_drawing(study).panels[0])
    assert [round(bar.get_width(), 3) for bar in axes.patches] == [0.8, 0.2]
    assert ticks(axes, "y") == ["learning rate", "dropout"]


def test_nothing_to_draw(tmp_path):
    assert search_drawing(study_of(tmp_path, [waiting(0, "a")], "search")) is None
    assert importance_drawing(study_of(tmp_path, [], "search")) is None
