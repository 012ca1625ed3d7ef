"""Panels: where they stand, what is named beside them, and how they are written."""

import io

import pytest
from PIL import Image

from scripts.report.study.drawing import HEIGHT, WIDTH, Panel, dress, figure_of, name_ticks, png_of, style_of
from scripts.report.theme import THEMES
from tests.report.study.records import compared, legend, study_of, ticks

DARK = THEMES["dark"]


def panel(words):
    def draw(axes, theme):
        dress(axes, "title", "across", "up", theme)
        return [({"color": theme.text}, word) for word in words]

    return Panel(draw)


def test_panels_stand_in_rows_and_have_their_size():
    figure = figure_of([panel(["a"]), panel(["b"]), panel(["c"])], DARK, columns=2)
    width, height = figure.get_size_inches()
    places = [axes.get_position() for axes in figure.axes]
    assert [(place.width * width, place.height * height) for place in places] == [pytest.approx((WIDTH, HEIGHT))] * 3
    assert places[0].y0 == pytest.approx(places[1].y0)
    assert places[0].x1 < places[1].x0
    assert places[2].y1 < places[0].y0
    assert [legend(axes) for axes in figure.axes] == [["a"], ["b"], ["c"]]


def test_a_legend_that_all_share_stands_once_below_the_last_row():
    figure = figure_of([panel(["a", "b"])] * 3, DARK, columns=2)
    assert [axes.get_legend() is None for axes in figure.axes] == [True, True, False]


def test_names_are_no_formulas_may_have_two_lines_and_are_shortened():
    def draw(axes, theme):
        name_ticks(axes, "x", [0, 1, 2], ["$x^2$", "Leaky\n0.1", "long_" * 30], theme)
        return []

    (axes,) = figure_of([Panel(draw)], DARK).axes
    names = ticks(axes, "x")
    assert names[:2] == ["$x^2$", "Leaky\n0.1"]
    assert "…" in names[2]
    assert not axes.get_xticklabels()[0].get_parse_math()


def test_a_variant_looks_the_same_in_all_pictures(tmp_path):
    study = study_of(tmp_path, compared({"one": (0.9,), "two": (0.8,)}))
    assert style_of(study, "two", DARK)["color"] == DARK.lines[1]
    assert style_of(study, "one", DARK) != style_of(study, "two", DARK)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_png_is_small_and_has_the_ground_of_its_theme(theme):
    png, width, height = png_of(figure_of([panel(["a"])], THEMES[theme]))
    picture = Image.open(io.BytesIO(png))
    assert picture.size == (width, height)
    assert picture.mode == "P"
    ground = "#{:02x}{:02x}{:02x}".format(*picture.convert("RGB").getpixel((1, 1)))
    assert ground == THEMES[theme].ground
