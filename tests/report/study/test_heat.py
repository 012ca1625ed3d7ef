"""Tables of numbers as colours."""

from matplotlib.colors import to_hex

from scripts.report.study.heat import grid_drawing, matrix_drawing
from tests.report.study.records import drawn, study_of, ticks, trial


def cells(axes):
    """What stands in each cell, and its colour, by column and row."""
    words = {text.get_position(): text.get_text() for text in axes.texts}
    colours = {(patch.get_x() + 0.5, patch.get_y() + 0.5): to_hex(patch.get_facecolor()) for patch in axes.patches}
    return words, colours


def test_two_factors(tmp_path):
    levels = [("Adam", "constant", 0.8, 0), ("Adam", "constant", 0.9, 1), ("SGD", "cosine", 0.6, 0)]
    trials = [
        trial(n, f"{one}, {two}", value, seed, params={"optimiser": one, "schedule": two})
        for n, (one, two, value, seed) in enumerate(levels)
    ]
    study = study_of(tmp_path, trials, factors=["optimiser", "schedule"])
    axes = drawn(grid_drawing(study).panels[0])
    words, colours = cells(axes)
    assert words == {(0, 0): "0.850\n± 0.071", (1, 1): "0.600"}
    assert colours == {(0, 0): "#fee838", (1, 1): "#00224e"}  # both ends of cividis
    assert (ticks(axes, "y"), ticks(axes, "x")) == (["Adam", "SGD"], ["constant", "cosine"])
    assert grid_drawing(study_of(tmp_path, trials, factors=["optimiser"])) is None
    assert grid_drawing(study_of(tmp_path, [], factors=["optimiser", "schedule"])) is None


def test_changes_by_tuning(tmp_path):
    """Each against the weights as they are on the same voxels: of what it was tuned on, those outside the block."""
    before = {"b": {"a": 0.6, "b": 0.6, "c": 0.6}, "a": {"a": 0.55, "b": 0.6, "c": 0.6}}
    trials = [
        trial(at, "none", scores, steps=0, about={"tuned_on": None, "of": of})
        for at, (of, scores) in enumerate(before.items())
    ]
    for seed in range(2):
        scores = {"a": 0.8 + 0.001 * seed, "b": 0.6 + 0.1 * seed, "c": 0.6}
        trials.append(trial(2 + seed, "tuned on b", scores, seed, about={"tuned_on": "b", "of": "b"}))
        scores = {"a": 0.5, "b": 0.6, "c": 0.7}
        trials.append(trial(4 + seed, "tuned on a", scores, seed, about={"tuned_on": "a", "of": "a"}))
    axes = drawn(matrix_drawing(study_of(tmp_path, trials, "transfer")).panels[0])
    words, colours = cells(axes)
    assert (ticks(axes, "y"), ticks(axes, "x")) == (["b", "a"], ["b", "a", "c"])
    assert words == {
        (0, 0): "+0.050", (1, 0): "+0.201*", (2, 0): "+0.000",
        (0, 1): "+0.000", (1, 1): "−0.050", (2, 1): "+0.100",
    }  # fmt: skip
    assert colours[1, 0] == "#7f3b08"  # the end of the map, and no change its middle
    assert colours[2, 0] == colours[0, 1] == "#f7f7f6"


def test_without_tuned_or_untuned_weights_there_is_no_matrix(tmp_path):
    tuned = trial(0, "tuned", 0.9, about={"tuned_on": "a", "of": "a"})
    assert matrix_drawing(study_of(tmp_path, [tuned], "transfer")) is None
    assert matrix_drawing(study_of(tmp_path, [trial(0, "none", 0.9, steps=0)], "transfer")) is None
