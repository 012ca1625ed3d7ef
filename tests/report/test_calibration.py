"""The reliability diagram, in both themes, of one case, some and many."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from scripts.metrics import curves_of, mean_curves
from scripts.report.calibration import write_calibration
from scripts.report.panel import MAX_COLOURED
from scripts.report.theme import THEMES
from tests.helpers.counts_examples import counts, noisy


def drawn(path, colour):
    """How many pixels of a picture have this colour."""
    return int((np.abs(imread(path)[..., :3] - to_rgb(colour)).max(axis=-1) < 0.02).sum())


def content(number):
    cases = {f"case {i}": curves_of(counts(*noisy(i % 3, 5000))) for i in range(number)}
    cases["nothing labelled"] = curves_of(counts([1.0], [-1]))
    return {"cases": cases, "mean": mean_curves(list(cases.values()))}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("number", "coloured"), [(1, False), (3, True), (MAX_COLOURED + 1, False)])
def test_a_line_for_each_case_and_their_mean(tmp_path, theme, number, coloured):
    path, colours = tmp_path / "calibration.png", THEMES[theme]
    write_calibration(path, content(number), theme)
    assert drawn(path, colours.ground) > 0.8 * np.prod(imread(path).shape[:2])
    assert drawn(path, colours.text) > 1500
    assert (drawn(path, colours.lines[0]) > 200) is coloured


def test_another_theme_is_refused(tmp_path):
    with pytest.raises(ValueError, match="--theme blue"):
        write_calibration(tmp_path / "x.png", content(1), "blue")
