"""Pictures: their size, where outlines fall, and that nothing odd in the data stops them."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from scripts.report import patch_grid, pixels_of, slice_figure, slice_panel
from scripts.report.figure import LABEL_COLOUR, NOT_LABELLED_COLOUR, PREDICTION_COLOUR

SHAPE = (48, 40, 32)


def scene():
    """A bright bar along Z with a square section, 12 voxels wide, on a dark ramp."""
    image = np.fromfunction(lambda x, y, z: 0.2 * x / 48, SHAPE).astype(np.float32)
    label = np.zeros(SHAPE, np.int16)
    label[18:30, 14:26] = 1
    image[label > 0] = 1
    return image, label


def pixels(path, colour, tolerance=0.02):
    """(rows, columns) of the pixels of this colour."""
    return np.nonzero(np.abs(imread(path)[..., :3] - to_rgb(colour)).max(axis=-1) < tolerance)


def first_panel(path):
    """(top, bottom, left, right) pixels of the 3.6-inch wide first picture: below the caption, inside its frame."""
    height = imread(path).shape[0]
    # 0.15 inch margin, no title 0.05, caption 0.26; 40 of 48 voxels high: 3.0 inches.
    return 46, min(46 + 300, height), 15, 15 + 360


def test_panel_is_a_png_of_four_or_five_pictures(tmp_path):
    image, label = scene()
    four = imread(slice_panel(tmp_path / "four.png", image, label, title="a bar"))
    five = imread(slice_panel(tmp_path / "five.png", image, label, probability=label.astype(float)))
    assert four.shape[2] == 4
    assert four.shape[1] > 3 * 360
    assert five.shape[1] - four.shape[1] == pytest.approx(372, abs=2)
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["five.png", "four.png"]


def test_panel_is_the_figure_as_a_file(tmp_path):
    image, label = scene()
    before = image.copy()
    figure = slice_figure(image, label, title="a bar")
    written = imread(slice_panel(tmp_path / "p.png", image, label, title="a bar"))
    np.testing.assert_array_equal(pixels_of(figure), np.uint8(255 * written[..., :3] + 0.5))
    np.testing.assert_array_equal(image, before)


def test_outline_lies_on_the_edge_of_the_mask(tmp_path):
    image, label = scene()
    path = slice_panel(tmp_path / "p.png", image, label)
    top, bottom, left, right = first_panel(path)
    rows, columns = pixels(path, LABEL_COLOUR)
    here = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    rows, columns = rows[here] - top, columns[here] - left
    scale = 360 / 48
    # The bar spans x 18..30 and y 14..26: its sides, in pixels, give or take the width of the line.
    assert rows.min() == pytest.approx(14 * scale, abs=3)
    assert rows.max() == pytest.approx(26 * scale, abs=3)
    assert columns.min() == pytest.approx(18 * scale, abs=3)
    assert columns.max() == pytest.approx(30 * scale, abs=3)
    middle = (np.abs(rows - 20 * scale) < 20) & (np.abs(columns - 24 * scale) < 20)
    assert not middle.any()  # an outline, not a fill


def test_prediction_has_its_own_colour_and_agreement_shows_both(tmp_path):
    image, label = scene()
    path = slice_panel(tmp_path / "p.png", image, label, pred=label)
    assert len(pixels(path, PREDICTION_COLOUR)[0]) > 500
    only = slice_panel(tmp_path / "q.png", image, label)
    assert len(pixels(only, PREDICTION_COLOUR)[0]) == 0


def test_thin_stack_is_not_squashed(tmp_path):
    image = np.random.default_rng(0).random((256, 256, 15))
    bare = imread(slice_panel(tmp_path / "bare.png", image))
    scaled = imread(slice_panel(tmp_path / "scaled.png", image, spacing=(1.0, 1.0, 5.0)))
    assert bare.shape[0] == pytest.approx(360 + 26 + 30 + 5, abs=3)
    # The two side views share one column: three columns of 3.6 inches.
    assert bare.shape[1] == scaled.shape[1] == pytest.approx(3 * 360 + 2 * 12 + 30, abs=3)


def test_scale_bar_only_with_a_voxel_size(tmp_path):
    image, _ = scene()
    plain = imread(slice_panel(tmp_path / "a.png", image))
    sized = imread(slice_panel(tmp_path / "b.png", image, spacing=(2.0, 2.0, 2.0)))
    assert plain.shape == sized.shape
    assert (plain != sized).any()


def test_not_labelled_is_tinted(tmp_path):
    image, label = scene()
    label[30:] = -1
    image[:] = 0.0
    image[0, 0, 0] = 1
    path = slice_panel(tmp_path / "p.png", image, label)
    rgb = imread(path)[..., :3]
    amber = (rgb[..., 0] > 0.1) & (rgb[..., 0] > rgb[..., 1] + 0.02) & (rgb[..., 1] > rgb[..., 2] + 0.05)
    assert amber.sum() > 10_000
    assert len(pixels(path, NOT_LABELLED_COLOUR)[0]) > 10  # in the legend


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
    ],
    ids=["empty", "full", "unlabelled", "floats", "nan", "channel", "sliver"],
)
def test_odd_volumes_are_drawn(tmp_path, image, label):
    assert slice_panel(tmp_path / "p.png", image, label, label, label).stat().st_size > 1000
    labels = [np.zeros(np.shape(image)) if label is None else label]
    assert patch_grid(tmp_path / "g.png", [image], labels).stat().st_size > 1000


def test_slices_go_through_the_vessel_not_the_border():
    from scripts.report.slices import _fullest_slices

    label = np.zeros((64, 64, 64))
    label[40, 10:50, 20] = 1
    label[:, 0, :] = 1  # a border effect
    assert _fullest_slices(label, label, None, None)[0] == 40
    assert _fullest_slices(np.zeros(SHAPE), np.zeros(SHAPE), None, None) == [24, 20, 16]


def test_grid_grows_to_32_and_no_further(tmp_path):
    images = [np.random.default_rng(i).random((16, 16, 16)) for i in range(40)]
    labels = [(i > 0.9).astype(int) for i in images]
    one = imread(patch_grid(tmp_path / "1.png", images[:1], labels[:1]))
    all_of_them = imread(
        patch_grid(tmp_path / "40.png", images, labels, title="patches", captions=[f"no. {i}" for i in range(40)])
    )
    assert all_of_them.shape[1] == pytest.approx(8 * 220 + 7 * 12 + 30, abs=3)
    assert one.shape[1] == pytest.approx(220 + 30, abs=3)


def test_bad_shapes_are_named(tmp_path):
    image, label = scene()
    with pytest.raises(ValueError, match="pred: has the shape"):
        slice_panel(tmp_path / "p.png", image, label, label[1:])
    with pytest.raises(ValueError, match="give \\(X, Y, Z\\)"):
        slice_panel(tmp_path / "p.png", image[0])
    with pytest.raises(ValueError, match="as many of each"):
        patch_grid(tmp_path / "p.png", [image], [])
    assert not list(tmp_path.iterdir())
