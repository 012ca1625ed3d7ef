"""Figures: where pictures lie, and that no words overlap or are cut off."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from scripts.report import pixels_of
from scripts.report.figure import MAX_ROW, Entry, Panel, draw_scale_bar, in_rows, lay_out, save_figure
from scripts.report.theme import THEMES

DARK = THEMES["dark"]


def boxes_of(figure):
    """The boxes of all words and pictures, in pixels: (left, bottom, right, top)."""
    figure.canvas.draw()
    texts = [text for text in figure.texts if text.get_text()]
    return [text.get_window_extent().extents for text in texts] + [axes.bbox.extents for axes in figure.axes]


def apart(figure):
    """Assert that nothing lies over another and all lies inside the figure."""
    width, height = figure.get_size_inches() * 100
    boxes = boxes_of(figure)
    for left, bottom, right, top in boxes:
        assert left >= 0
        assert bottom >= 0
        assert right <= width + 1
        assert top <= height + 1
    for one, two in itertools.combinations(boxes, 2):
        over = min(one[2], two[2]) - max(one[0], two[0]), min(one[3], two[3]) - max(one[1], two[1])
        assert min(over) <= 1, (one, two)


@pytest.mark.parametrize(("width", "height"), [(400, 300), (20, 300), (900, 12), (5, 5)])
@pytest.mark.parametrize("title", ["", "a name", "a_very_long_name_" * 20])
def test_words_lie_beside_one_another_at_any_shape(width, height, title):
    captions = ["short", "a caption that is wider than many a picture", ""]
    rows = [[Panel(width, height, caption) for caption in captions], [Panel(width, height, captions[1])]]
    legend = [Entry("what this is", ("#ff0000",)), Entry("depth, 0 to 70 µm", ("#ff0000", "#00ff00")), Entry("note")]
    figure, boxes = lay_out(rows, title, ["128 × 128 × 64 voxels", "Dice 0.670"], legend * 4, DARK)
    assert len(boxes) == 4
    apart(figure)


def test_pictures_have_the_size_asked_for_to_the_pixel():
    sizes = [(101, 57), (33, 210), (400, 400)]
    _figure, boxes = lay_out([[Panel(*size, "") for size in sizes]], "t", (), (), DARK)
    for axes, size in zip(boxes, sizes, strict=True):
        assert (axes.bbox.width, axes.bbox.height) == pytest.approx(size, abs=1e-6)
        assert axes.bbox.extents == pytest.approx(np.round(axes.bbox.extents), abs=1e-6)


def test_a_legend_shows_its_colours():
    legend = [Entry("one", ("#ff0000",)), Entry("two", ("#00ff00", "#0000ff"))]
    pixels = pixels_of(lay_out([[Panel(300, 100, "")]], "", (), legend, DARK)[0]) / 255
    counts = [(np.abs(pixels - to_rgb(colour)).max(axis=-1) < 0.02).sum() for colour in ("red", "lime", "blue")]
    assert counts == pytest.approx([140, 350, 350], rel=0.2)


@pytest.mark.parametrize("name", THEMES)
def test_a_figure_has_the_ground_of_its_theme_and_is_saved_as_it_is(name, tmp_path):
    figure, _ = lay_out([[Panel(100, 80, "caption")]], "title", (), (), THEMES[name])
    pixels = pixels_of(figure)
    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels[2, 2] / 255, to_rgb(THEMES[name].ground), atol=0.01)
    written = imread(save_figure(figure, tmp_path / "new" / "p.png"))
    np.testing.assert_array_equal(np.uint8(255 * written[..., :3] + 0.5), pixels)


def test_groups_share_a_row_where_they_fit_and_are_alike():
    wide, small, low = Panel(MAX_ROW - 500, 400, ""), Panel(200, 400, ""), Panel(100, 60, "")
    assert in_rows([[small, small], [small], [wide], [wide], [], [low]]) == [
        [small, small, small],
        [wide],
        [wide],
        [low],
    ]


@pytest.mark.parametrize(
    ("voxels", "size", "words"), [(512, 0.994, "100 µm"), (100, 1.0, "20 µm"), (30, 0.001, "0.005 µm")]
)
def test_a_scale_bar_is_as_long_as_it_says(voxels, size, words):
    _figure, (axes,) = lay_out([[Panel(400, 400, "")]], "", (), (), DARK)
    draw_scale_bar(axes, voxels, size, "µm")
    assert axes.texts[0].get_text() == words
    left, right = axes.lines[0].get_xdata()
    assert (right - left) * voxels * size == pytest.approx(float(words.split()[0]))
    box = axes.texts[0].get_window_extent()
    assert axes.bbox.x0 <= box.x0 < box.x1 <= axes.bbox.x1


def test_a_voxel_size_that_makes_no_sense_has_no_scale_bar():
    _, (axes,) = lay_out([[Panel(400, 400, "")]], "", (), (), DARK)
    for size in (0.0, float("nan")):
        draw_scale_bar(axes, 10, size, "mm")
    assert not axes.lines


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def break_off(self, file, **_):
        with open(file, "wb") as half:
            half.write(b"half a picture")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", break_off)
    with pytest.raises(OSError, match="disk full"):
        save_figure(lay_out([[Panel(100, 80, "")]], "", (), (), DARK)[0], tmp_path / "p.png")
    assert not list(tmp_path.iterdir())
