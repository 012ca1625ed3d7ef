"""The steps of snapshots by their names, and that the picture holds what it is given."""

import pytest
from skimage.io import imread

from experiments.learning_curve import MEAN, steps_of, write_learning_curve


def test_the_step_is_the_last_number_of_a_name():
    assert steps_of(["a2/step_500.pt", "a2/step_1000.pt"]) == [500, 1000]


@pytest.mark.parametrize("names", [["a.pt", "b.pt"], ["x_1.pt", "y_1.pt"], ["step_10.pt", "best.pt"]])
def test_without_a_number_of_its_own_each_file_counts_as_the_next(names):
    assert steps_of(names) == [1, 2]


def test_the_picture_shows_lines(tmp_path):
    """A line that rises puts ink where one that stays does not."""
    pictures = []
    for last in (0.2, 0.8):
        points = {
            step: {score: {"a": value, MEAN: value} for score in ("average_precision", "best_dice")}
            for step, value in ((100, 0.2), (200, last))
        }
        write_learning_curve(tmp_path / "curve.png", points, {"a baseline": 0.5})
        pictures.append(imread(tmp_path / "curve.png"))
    assert pictures[0].shape == pictures[1].shape
    assert (pictures[0] != pictures[1]).any()
