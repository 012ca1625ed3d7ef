import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from scripts.report.page.picture import TRUTH_COLOUR, Painter, Picture, Shown, legends, limits
from scripts.report.theme import EXTRA_COLOUR, FOUND_COLOUR, MISSED_COLOUR
from tests.report.page.examples import SHAPE, skeleton, vessels

TRUTH = vessels()
FOUND = np.roll(TRUTH, 2, axis=0)
IMAGE = (np.full(SHAPE, 200)).astype(np.uint8)
IMAGE[::2] = 190


def shown(**changes):
    fields = {"image": IMAGE, "label": TRUTH.astype(np.int8), "mask": FOUND, "probability": None}
    return Shown(**{**fields, "spacing": (1.0, 1.0, 2.0), "unit": "µm", **changes})


def has(picture, colour):
    """Whether pixels have the hue of a colour."""
    pixels = picture.pixels.reshape(-1, 3) / 255
    return bool((np.abs(pixels / pixels.max(axis=1, keepdims=True).clip(1e-6) - np.array(to_rgb(colour)) /
                        max(to_rgb(colour))).max(axis=1) < 0.1).any())  # fmt: skip


def named(rows):
    return {picture.what: picture for row in rows for picture in row}


def test_three_slices_each_as_image_truth_prediction_and_error():
    rows = Painter(shown(), 640).slices()
    assert [[picture.what for picture in row] for row in rows] == [
        [f"{plane}_{what}" for what in ("image", "truth", "prediction", "error")] for plane in ("xy", "xz", "yz")
    ]
    pictures = named(rows)
    assert pictures["xy_image"].caption == "Image, Z = 7"
    assert pictures["xy_image"].pixels.shape == (36, 40)
    assert pictures["xz_error"].pixels.shape == (30, 40, 3)  # slices are 2 µm apart
    assert pictures["xz_error"].size == (40, 30)
    assert has(pictures["xy_truth"], TRUTH_COLOUR)
    for colour in (FOUND_COLOUR, EXTRA_COLOUR, MISSED_COLOUR):
        assert has(pictures["xy_error"], colour)


def test_an_error_lies_where_it_is():
    picture = named(Painter(shown(), 640).slices())["xy_error"].pixels / 255
    both, missed = picture[4, 20], picture[4, 17]
    assert np.argmax(both) == 2  # blue
    assert missed[:2].min() > missed[2]  # yellow


def test_projections_along_each_axis():
    pictures = named(Painter(shown(probability=0.5 * FOUND.astype(np.float32)), 640).projections())
    assert {what.partition("_")[2].rpartition("_")[0] for what in pictures} == {"x", "y", "z"}
    assert len(pictures) == 12
    assert has(pictures["along_x_error"], EXTRA_COLOUR)
    assert pictures["along_y_image"].size == (40, 30)


def test_without_image_and_label_there_is_what_was_found():
    alone = shown(image=None, label=None)
    assert set(named(Painter(alone, 640).slices())) == {"xy_prediction", "xz_prediction", "yz_prediction"}
    assert [words for _, words in legends(alone)["slices"]] == ["prediction"]
    assert legends(alone)["projections"] == []


def test_a_single_slice_has_one_row():
    flat = shown(image=IMAGE[..., :1], label=None, mask=FOUND[..., 7:8])
    assert [row[0].what for row in Painter(flat, 640).slices()] == ["xy_image"]
    assert Painter(flat, 640).projections() == []


def test_large_views_shrink_to_the_side():
    pictures = named(Painter(shown(), 16).slices())
    assert max(pictures["xy_truth"].pixels.shape[:2]) <= 16


def test_classes_have_colours_and_names():
    classes = shown(mask=FOUND * (1 + (np.arange(SHAPE[1]) > 18)[None, :, None]), classes={1: "artery", 2: "vein"})
    words = [words for _, words in legends(classes)["slices"]]
    assert words == ["truth", "artery", "vein", "in both", "prediction only: false", "truth only: missed"]
    assert "by class" in named(Painter(classes, 640).projections())["along_z_prediction"].caption


def test_what_is_not_labelled_is_striped():
    label = TRUTH.astype(np.int8)
    label[:10] = -1
    painted = shown(label=label)
    assert legends(painted)["slices"][-1][1] == "striped: not labelled"
    here, there = (named(Painter(each, 640).slices())["xy_truth"].pixels[:, :10] for each in (painted, shown()))
    assert (here != there).any()


def test_the_skeleton_is_coloured_by_radius():
    places = np.argwhere(skeleton() > 0)
    radii = skeleton()[tuple(places.T)]
    picture = Painter(shown(), 640).skeleton(places, radii)
    grow = picture.pixels.shape[1] // SHAPE[0]
    assert grow == 16
    wide, thin = (picture.pixels[int((y + 0.5) * grow), int((x + 0.5) * grow)] for x, y in ((20, 5), (30, 28)))
    assert wide[0] > 240  # the yellow end of viridis
    assert thin[2] > thin[1]  # the violet one
    assert limits(radii) == (1, 3)
    assert limits(np.zeros(0)) == (0, 1)


def test_many_lines_are_thin_so_that_they_stay_apart():
    shape, thick = (640, 640, 1), []
    painter = Painter(shown(image=np.zeros(shape, np.uint8), label=None, mask=None), 640)
    for step in (320, 16):
        lines = np.zeros(shape, bool)
        lines[step // 2 :: step] = True
        picture = painter.skeleton(np.argwhere(lines), np.ones(lines.sum()))
        thick.append((np.ptp(picture.pixels, axis=2) > 20).sum() / lines.sum())  # what is no grey
    assert thick == [9, 7]


@pytest.mark.parametrize(
    ("width", "words", "share"), [(40.0, "10 µm", 25), (7.0, "2 µm", 28.57), (512, "100 µm", 19.53)]
)
def test_scale_bars_are_round(width, words, share):
    assert Picture("a", "", np.zeros((2, 2), np.uint8), (width, 10.0), "µm").bar == (share, words)


def test_a_png_is_what_was_painted():
    pixels = named(Painter(shown(), 640).slices())["xy_error"]
    read = np.asarray(Image.open(io.BytesIO(pixels.png)).convert("RGB")).astype(int)
    assert np.abs(read - pixels.pixels).mean() < 4
