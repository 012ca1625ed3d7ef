"""Sheets of patches."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from scripts.report import patch_grid
from scripts.report.theme import NOT_LABELLED_COLOUR, OUTLINE_COLOUR


def count(path, colour):
    return int((np.abs(imread(path)[..., :3] - to_rgb(colour)).max(axis=-1) < 0.02).sum())


def test_a_sheet_grows_to_32_and_no_further(tmp_path):
    images = [np.random.default_rng(i).random((16, 16, 16)) for i in range(40)]
    labels = [(i > 0.9).astype(int) for i in images]
    captions = [f"no. {i}" for i in range(40)]
    one = imread(patch_grid(tmp_path / "1.png", images[:1], labels[:1]))
    all_of_them = imread(patch_grid(tmp_path / "40.png", images, labels, "patches", captions))
    assert all_of_them.shape[1] == 8 * 220 + 7 * 14 + 30
    assert one.shape[1] >= 220 + 30


def test_labels_are_outlined_and_what_is_not_labelled_is_hatched(tmp_path):
    image = np.random.default_rng(0).random((40, 20, 3))
    label = np.zeros(image.shape, int)
    none = patch_grid(tmp_path / "none.png", [image], [None])
    empty = patch_grid(tmp_path / "empty.png", [image], [label])
    label[10:20, 5:15] = 1
    vessel = patch_grid(tmp_path / "vessel.png", [image], [label])
    assert count(none, OUTLINE_COLOUR) == count(empty, OUTLINE_COLOUR)  # the legend
    assert count(vessel, OUTLINE_COLOUR) > count(empty, OUTLINE_COLOUR) + 50
    label[:5] = -1
    assert count(patch_grid(tmp_path / "part.png", [image], [label]), NOT_LABELLED_COLOUR) > 100


def test_patches_keep_their_proportions(tmp_path):
    """One of 40 x 20 voxels, white on the dark ground of the sheet."""
    image = np.zeros((40, 20, 1))
    image[:20] = 1
    picture = imread(patch_grid(tmp_path / "p.png", [image], [None]))[..., :3].min(axis=-1)
    rows, columns = np.nonzero(picture[40:-30] > 0.99)
    assert np.ptp(rows) + 1 == pytest.approx(110, abs=3)
    assert np.ptp(columns) + 1 == pytest.approx(110, abs=3)


def test_names_of_any_kind(tmp_path):
    image = np.random.default_rng(0).random((16, 16, 4))
    for name in ("$x$", "_a", "long_" * 40, "\U000f0000"):
        wide = imread(patch_grid(tmp_path / "p.png", [image] * 4, [None] * 4, name, [name] * 4)).shape[1]
        assert wide <= 2 * 221 + 14 + 30


def test_what_cannot_be_drawn(tmp_path):
    image = np.zeros((4, 4, 4))
    with pytest.raises(ValueError, match="as many of each"):
        patch_grid(tmp_path / "p.png", [image], [])
    with pytest.raises(ValueError, match="label: has the shape"):
        patch_grid(tmp_path / "p.png", [image], [image[1:]])
    with pytest.raises(ValueError, match="--theme grey"):
        patch_grid(tmp_path / "p.png", [image], [None], theme="grey")
    assert not list(tmp_path.iterdir())
