"""Pictures of volumes: what colour a known voxel has, what is written, and that nothing odd in the data stops them."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from scripts.report import fullest_slice, pixels_of, slice_figure, slice_panel
from scripts.report.slices import fullest_slices
from scripts.report.theme import (
    EXTRA_COLOUR,
    FOUND_COLOUR,
    MISSED_COLOUR,
    NOT_LABELLED_COLOUR,
    OUTLINE_COLOUR,
    THEMES,
)

SHAPE = (48, 40, 32)


def scene():
    """A bright bar along Z with a square section, 12 voxels wide, on a dark ramp."""
    image = np.fromfunction(lambda x, y, z: 0.2 * x / 48, SHAPE).astype(np.float32)
    label = np.zeros(SHAPE, np.int8)
    label[18:30, 14:26] = 1
    image[label > 0] = 1
    return image, label


def words(figure):
    return [text.get_text() for text in figure.texts]


def at(figure, axes, column, row):
    """The colour of a voxel on a panel."""
    x, y = axes.transData.transform((column, row))
    pixels = pixels_of(figure)
    return pixels[pixels.shape[0] - 1 - int(y), int(x)] / 255


def is_tinted(colour, name, least=0.45):
    """Whether a colour is another, darkened at most so far."""
    ratio = colour[np.array(to_rgb(name)) > 0] / np.array(to_rgb(name))[np.array(to_rgb(name)) > 0]
    return np.ptp(ratio) < 0.06 and least < ratio.mean() < 1.03


def count(figure, colour):
    return int((np.abs(pixels_of(figure) / 255 - to_rgb(colour)).max(axis=-1) < 0.02).sum())


# -- what is seen ------------------------------------------------------------------------------------------------------


def judged():
    """A figure of the bar and of a prediction four voxels further along X."""
    image, label = scene()
    return slice_figure(image, label, np.roll(label, 4, axis=0), title="bar.tif", spacing=(1, 1, 1))


def test_captions_tell_the_panels():
    assert [text for text in words(judged()) if text.startswith(("slice", "seg", "max", "along Z:", "XZ", "YZ"))] == [
        "slice Z = 16 (0 to 31)",
        "segmentation, outlined",
        "slice: segmentation and label",
        "maximum along Z",
        "segmentation along Z, by depth",
        "along Z: segmentation and label",
        "XZ at Y = 20",
        "YZ at X = 24",
        "segmentation",
        "segmentation only (false)",
    ]


@pytest.mark.parametrize("panel", [2, 5], ids=["slice", "along Z"])
def test_a_voxel_in_both_or_in_one_has_its_colour(panel):
    figure = judged()
    axes = figure.axes[panel]
    assert is_tinted(at(figure, axes, 26, 20), FOUND_COLOUR)
    assert is_tinted(at(figure, axes, 32, 20), EXTRA_COLOUR)
    assert is_tinted(at(figure, axes, 20, 20), MISSED_COLOUR)
    assert np.ptp(at(figure, axes, 5, 20)) < 0.02  # grey


def test_cuts_along_z_show_the_agreement_too():
    figure = judged()
    assert is_tinted(at(figure, figure.axes[6], 32, 10), EXTRA_COLOUR)


def test_the_title_and_the_scores_by_hand():
    """8 of 12 columns in both: Dice 8 / 12."""
    assert words(judged())[:3] == [
        "bar.tif",
        "48 × 40 × 32 voxels (X × Y × Z) of 1 × 1 × 1 µm, 7.5 % vessel in the segmentation",
        "Dice 0.667, precision 0.667, recall 0.667, over all voxels",
    ]


def test_scores_are_over_what_is_labelled_and_the_rest_is_hatched():
    """Without X = 30 to 47, what is in the prediction alone is not counted, so 8 of 8 and 8 of 12."""
    image, label = scene()
    pred = np.roll(label, 4, axis=0)
    label[30:] = -1
    figure = slice_figure(image, label, pred)
    assert words(figure)[1] == "Dice 0.800, precision 1.000, recall 0.667, over the 62.5 % that are labelled"
    assert "not labelled" in words(figure)
    assert count(figure, NOT_LABELLED_COLOUR) > 100  # in the legend
    assert count(figure, EXTRA_COLOUR) < 200  # in the legend alone
    unlabelled = slice_figure(image, -np.ones_like(label), pred)
    assert "no voxel is labelled, so there are no scores" in words(unlabelled)


def test_a_segmentation_alone_is_outlined_and_tinted_by_depth():
    image, label = scene()
    label[18:30, 14:26, 16:] = 0
    label[2:6, :, 28:] = 1
    image[2:6, :, 28:] = 1
    figure = slice_figure(image, None, label, spacing=(1, 1, 5))
    assert len(figure.axes) == 6
    shallow, deep = at(figure, figure.axes[3], 24, 20), at(figure, figure.axes[3], 4, 5)
    assert shallow[2] > shallow[0]  # blue
    assert deep[0] > deep[2]  # yellow
    assert "depth, 0 to 155 µm" in words(figure)
    assert not [text for text in words(figure) if "Dice" in text]
    line = at(figure, figure.axes[1], 1.2, 20)  # 0.3 voxels outside of the wall in the slice with most vessel
    np.testing.assert_allclose(line, to_rgb(OUTLINE_COLOUR), atol=0.25)
    assert np.ptp(at(figure, figure.axes[1], 4, 20)) < 0.02


def test_several_classes_have_colours_and_names():
    image, label = scene()
    label[18:30, 20:26] = 2
    label[:, :4] = 3
    figure = slice_figure(image, None, label, names=["artery", "$vein$"])
    assert {"artery", "$vein$", "class 3"} <= set(words(figure))
    panel = figure.axes[3]
    colours = [at(figure, panel, 24, row) for row in (16, 23, 1)]
    for one, two in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(colours[one] - colours[two]).max() > 0.2
    assert len(slice_figure(image, None, label * 0 + 1).axes) == 6
    binary = slice_figure(image, None, (label > 0) * np.uint8(255))
    assert "segmentation" in words(binary)


def test_probability_and_spread_are_drawn_beside_them():
    image, label = scene()
    figure = slice_figure(image, None, label, np.clip(label * 0.9, 0, 1), spread=label * 0.25)
    assert len(figure.axes) == 8
    assert {"probability 0 to 1", "spread 0 to 0.25"} <= set(words(figure))
    assert at(figure, figure.axes[4], 24, 20).sum() > 2
    assert at(figure, figure.axes[4], 2, 2).sum() < 0.1


def test_an_anisotropic_volume_is_drawn_in_its_proportions():
    image, label = scene()
    figure = slice_figure(image, label, label, spacing=(0.5, 1.0, 2.0))
    for axes, across, down in ((figure.axes[0], 24, 40), (figure.axes[6], 24, 64), (figure.axes[7], 40, 64)):
        assert axes.bbox.width / axes.bbox.height == pytest.approx(across / down, rel=0.02)
    assert figure.axes[0].texts[0].get_text() == "5 µm"
    assert not slice_figure(image, label).axes[0].texts  # no voxel size, no scale bar


def test_of_a_large_slice_the_fullest_part_is_enlarged():
    image = np.zeros((900, 700, 2), np.uint8)
    pred = np.zeros_like(image)
    pred[700:702, 300:680] = image[700:702, 300:680] = 1
    figure = slice_figure(image, None, pred, spacing=(1, 1, 1))
    [caption] = [text for text in words(figure) if text.startswith("part of slice Z = ")]
    x, y = (int(caption.split(f"{axis} ")[1].split()[0]) for axis in "XY")
    assert x <= 700 < x + 256
    assert 300 <= y < y + 255 < 680
    assert figure.axes[0].bbox.width == 512
    assert figure.axes[2].bbox.width == 640
    inside = at(figure, figure.axes[1], 700 - x + 0.5, 100)
    assert inside.min() > 0.9  # the vessel of two voxels is seen within its outline


# -- what is odd -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "label"),
    [
        (np.zeros(SHAPE), np.zeros(SHAPE)),
        (np.full(SHAPE, 7, np.uint16), np.ones(SHAPE, np.uint8)),
        (np.random.default_rng(0).random(SHAPE), np.full(SHAPE, -1)),
        (np.random.default_rng(0).random(SHAPE), np.random.default_rng(1).random(SHAPE)),
        (np.full(SHAPE, np.nan), None),
        (np.full((1, *SHAPE), -3.0), np.zeros(SHAPE, bool)),
        (np.zeros((200, 8, 3)), np.zeros((200, 8, 3))),
        (np.random.default_rng(0).random((60, 50, 1)), np.ones((60, 50, 1))),
        (np.random.default_rng(0).random((1, 9, 40)), np.ones((1, 9, 40))),
    ],
    ids=["empty", "full", "unlabelled", "floats", "nan", "channel", "sliver", "one slice", "one column"],
)
def test_odd_volumes_are_drawn(tmp_path, image, label):
    with np.errstate(all="raise", under="ignore"):
        assert slice_panel(tmp_path / "p.png", image, label, label, label).stat().st_size > 1000
        assert slice_panel(tmp_path / "q.png", image, theme="light").stat().st_size > 1000


def test_one_slice_has_neither_projection_nor_sides():
    image = np.random.default_rng(0).random((60, 50, 1))
    assert len(slice_figure(image, image > 0.5, image > 0.6).axes) == 3


def test_an_empty_segmentation_says_so():
    image, label = scene()
    figure = slice_figure(image, label, np.zeros(SHAPE, np.uint8))
    assert {"segmentation, nothing here", "segmentation: empty"} <= set(words(figure))
    assert words(figure)[1] == "Dice 0.000, precision undefined, recall 0.000, over all voxels"


@pytest.mark.parametrize("title", ["a_$x^2$", "$\\alpha$_10%", "_hidden", "{a} & <b>", "long_" * 60, "\U000f0000"])
def test_a_name_is_shown_as_it_is(title):
    """And not read as a formula, left out, or cut off."""
    image, label = scene()
    figure = slice_figure(image, label, label, title=title)
    figure.canvas.draw()
    shown = figure.texts[0]
    assert shown.get_text().startswith(title[:5] if title != "\U000f0000" else "\\U000f")
    assert shown.get_window_extent().x1 <= figure.bbox.width


@pytest.mark.parametrize("theme", THEMES)
def test_the_theme_is_around_the_pictures(theme):
    image, label = scene()
    pixels = pixels_of(slice_figure(image, label, theme=theme)) / 255
    np.testing.assert_allclose(pixels[1, 1], to_rgb(THEMES[theme].ground), atol=0.01)
    with pytest.raises(ValueError, match="--theme blue: there is no such theme"):
        slice_figure(image, label, theme="blue")


def test_a_panel_is_the_figure_as_a_file_and_the_volume_stays(tmp_path):
    image, label = scene()
    before = image.copy()
    figure = slice_figure(image, label, title="a bar")
    written = imread(slice_panel(tmp_path / "p.png", image, label, title="a bar"))
    np.testing.assert_array_equal(pixels_of(figure), np.uint8(255 * written[..., :3] + 0.5))
    np.testing.assert_array_equal(image, before)
    assert [path.name for path in tmp_path.iterdir()] == ["p.png"]


def test_bad_shapes_are_named(tmp_path):
    image, label = scene()
    with pytest.raises(ValueError, match="pred: has the shape"):
        slice_panel(tmp_path / "p.png", image, label, label[1:])
    with pytest.raises(ValueError, match="give \\(X, Y, Z\\)"):
        slice_panel(tmp_path / "p.png", image[0])
    assert not list(tmp_path.iterdir())


def test_slices_go_through_the_vessel_not_the_border():
    label = np.zeros((64, 64, 64))
    label[40, 10:50, 20] = 1
    label[:, 0, :] = 1  # a border effect
    assert fullest_slices(label, label, None, None)[0] == 40
    assert fullest_slices(np.zeros(SHAPE), np.zeros(SHAPE), None, None) == [24, 20, 16]
    assert fullest_slice(label) == 20
