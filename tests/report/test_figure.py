"""The parts of pictures, in pixels."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from scripts.report import pixels_of
from scripts.report.figure import (
    GROUND,
    LABEL_COLOUR,
    NOT_LABELLED_COLOUR,
    draw_outline,
    draw_picture,
    lay_out,
    save_figure,
    tint_unlabelled,
)


def black_square(mask):
    """A figure of one 2 x 2 inch picture of 4 x 4 black voxels, and the pixels of it alone."""
    figure, (axes,) = lay_out([[0]], [(2.0, 2.0)], "", False)
    draw_picture(axes, np.zeros((4, 4)), "gray")
    tint_unlabelled(axes, mask)
    draw_outline(axes, mask, LABEL_COLOUR)
    # margin 0.15 inch, then 0.05 without a title and 0.26 for a caption, at 100 dots an inch
    return figure, pixels_of(figure)[46:246, 15:215]


def of_colour(pixels, colour):
    return np.abs(pixels / 255 - to_rgb(colour)).max(axis=-1) < 0.1


def test_a_figure_is_dark_and_just_large_enough():
    figure, inside = black_square(np.zeros((4, 4)))
    pixels = pixels_of(figure)
    assert pixels.shape == (261, 230, 3)
    assert pixels.dtype == np.uint8
    assert of_colour(pixels[:40], GROUND).all()
    assert not inside[2:-2, 2:-2].any()


def test_an_outline_follows_the_sides_of_voxels():
    """The one voxel in row 1 and column 2 of 50 pixels each."""
    mask = np.zeros((4, 4))
    mask[1, 2] = 3
    green = of_colour(black_square(mask)[1], LABEL_COLOUR)
    for line in (green[50, 102:148], green[100, 102:148], green[52:98, 100], green[52:98, 150]):
        assert line.all()
    green[47:104, 97:154] = False
    assert not green.any()


def test_what_is_not_labelled_is_tinted_and_not_outlined():
    mask = np.zeros((4, 4))
    mask[:, :2] = -1
    inside = black_square(mask)[1]
    assert not of_colour(inside, LABEL_COLOUR).any()
    assert not inside[2:-2, 102:-2].any()
    ratio = inside[2:-2, 2:98] / (255 * np.array(to_rgb(NOT_LABELLED_COLOUR)) + 1e-9)
    assert (ratio[..., :2] > 0.15).all()


def test_a_figure_is_saved_as_it_is(tmp_path):
    figure, _ = black_square(np.eye(4))
    written = imread(save_figure(figure, tmp_path / "new" / "p.png"))
    np.testing.assert_array_equal(np.uint8(255 * written[..., :3] + 0.5), pixels_of(figure))


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def break_off(self, file, **_):
        with open(file, "wb") as half:
            half.write(b"half a picture")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", break_off)
    with pytest.raises(OSError, match="disk full"):
        save_figure(black_square(np.eye(4))[0], tmp_path / "p.png")
    assert not list(tmp_path.iterdir())
