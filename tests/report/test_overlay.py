"""Grey values, tints, outlines and hatches, in pixels."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from scripts.report.figure import Panel, lay_out, pixels_of
from scripts.report.overlay import draw_hatch, draw_outline, draw_picture, local_contrast, shrunk, stretch, tinted
from scripts.report.theme import OUTLINE_COLOUR, THEMES

CORNER = 24 + 15, 15  # of the first picture: below margin and caption, beside the margin


def drawn(picture, zoom, mask=None, hatched=None):
    """The pixels of a picture alone, drawn `zoom` times as large."""
    rows, columns = picture.shape[:2]
    figure, (axes,) = lay_out([[Panel(columns * zoom, rows * zoom, "")]], "", (), (), THEMES["dark"])
    draw_picture(axes, picture, "#30363d")
    if hatched is not None:
        draw_hatch(axes, hatched, (columns * zoom, rows * zoom))
    draw_outline(axes, mask, OUTLINE_COLOUR)
    top, left = CORNER
    return pixels_of(figure)[top : top + rows * zoom, left : left + columns * zoom]


def outlined(pixels):
    """Where a picture in black and white has another colour: how much of the outline's each pixel has."""
    pixels = pixels / 255
    return (pixels.max(axis=-1) - pixels.min(axis=-1)) / np.ptp(to_rgb(OUTLINE_COLOUR))


def test_stretch_clips_half_a_per_cent_and_bears_everything():
    ramp = np.linspace(-5, 5, 1001).reshape(7, 143)
    shown = stretch(ramp)
    assert (shown.min(), shown.max()) == (0, 1)
    assert shown.flat[500] == pytest.approx(0.5)
    assert np.count_nonzero(shown == 0) == 6
    assert (stretch(np.full((3, 3), 7)) == 0.5).all()
    assert (stretch(np.full((3, 3), np.nan)) == 0.5).all()
    spike = np.zeros((30, 30))
    spike[3, 4] = np.inf
    spike[5, 6] = 2
    assert stretch(spike)[5, 6] == 1
    assert stretch(spike)[3, 4] == 0


def test_local_contrast_shows_a_dim_line_beside_a_bright_block():
    view = np.zeros((128, 128))
    view[:64, :64] = 1000
    view[96, :] = 60
    plain, local = stretch(view), local_contrast(view)
    assert plain[96, 100] - plain[100, 100] < 0.07
    assert local[96, 100] - local[100, 100] > 0.15
    assert local.min() >= 0
    assert local.max() <= 1


def test_local_contrast_leaves_noise_alone():
    noise = np.random.default_rng(0).normal(size=(128, 128))
    noise[:, :64] *= 0.3
    plain, local = stretch(noise), local_contrast(noise)
    assert local[:, :64].std() < 1.7 * plain[:, :64].std()


def test_shrunk_is_the_mean_of_squares_and_of_what_is_left_at_the_end():
    view = np.arange(15).reshape(3, 5)
    np.testing.assert_allclose(shrunk(view, 2), [[3, 5, 6.5], [10.5, 12.5, 14]])
    assert shrunk(view, 1) is view
    assert shrunk(np.zeros((7, 9, 3)), 4).shape == (2, 3, 3)


def test_a_tint_shows_the_grey_value_under_it():
    grey = np.array([[0.0, 0.5, 1.0, 1.0]], np.float32)
    picture = tinted(grey, [(np.array([[1, 1, 1, 0]]), "#ff8000")])
    np.testing.assert_allclose(picture[0, :3], np.array([[0.5], [0.75], [1]]) * to_rgb("#ff8000"), atol=1e-6)
    assert picture[0, 3].tolist() == [1, 1, 1]


def test_one_thin_vessel_is_seen_in_a_picture_that_is_shrunk():
    mask = np.zeros((64, 64))
    mask[:, 30] = 1
    picture = tinted(np.zeros((64, 64), np.float32), [(mask, "#ffffff")], 4)
    assert picture.shape == (16, 16, 3)
    assert (picture[:, 7] >= 0.24).all()  # 1 of 4, twice as opaque, half as light over black
    assert not picture[:, :7].any()


@pytest.mark.parametrize("zoom", [1, 2, 4, 8])
def test_a_vessel_two_voxels_wide_is_seen_inside_its_outline(zoom):
    picture, mask = np.zeros((40, 40), np.float32), np.zeros((40, 40))
    mask[:, 20:22] = picture[:, 20:22] = 1
    pixels = drawn(picture, zoom, mask)[20 * zoom]  # across the vessel
    inside = pixels[20 * zoom : 22 * zoom] / 255
    assert inside[..., 2].min() > 0.7  # white, or nearly so: at most a fifth of a pixel is line
    beside = outlined(drawn(picture, zoom, mask))[20 * zoom]
    assert 0.8 < beside[: 20 * zoom + zoom // 2].sum() < 1.6  # a line is a pixel wide, to which neighbours add up
    assert 0.8 < beside[21 * zoom + zoom // 2 :].sum() < 1.6


def test_an_outline_runs_just_outside_a_voxel_and_covers_nothing_of_it():
    mask = np.zeros((5, 5))
    mask[2, 3] = 7
    line = outlined(drawn(np.zeros((5, 5), np.float32), 40, mask))
    rows, columns = np.nonzero(line > 0.3)
    assert rows.min() == pytest.approx(80 - 0.3 * 40, abs=2)
    assert rows.max() == pytest.approx(120 + 0.3 * 40, abs=2)
    assert columns.min() == pytest.approx(120 - 0.3 * 40, abs=2)
    assert columns.max() == pytest.approx(160 + 0.3 * 40, abs=2)
    assert not line[90:110, 130:150].any()


def test_nothing_is_outlined_without_vessel_nor_along_the_border():
    empty, full = np.zeros((5, 5)), np.ones((5, 5))
    for mask in (None, empty, -full, full):
        assert not outlined(drawn(np.zeros((5, 5), np.float32), 10, mask))[2:-2, 2:-2].any()


def test_what_is_not_labelled_is_hatched_in_grey():
    where = np.zeros((10, 10))
    where[:, 5:] = 1
    pixels = drawn(np.zeros((10, 10), np.float32), 10, hatched=where)[2:-2, 2:-2] / 255
    assert not pixels[:, :46].any()
    right = pixels[:, 50:, 0]
    stripes = right > 0.3
    assert 0.15 < stripes.mean() < 0.35  # 2 of 9 pixels
    assert (right > 0.1).all()
