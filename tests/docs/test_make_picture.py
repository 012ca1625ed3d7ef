"""The pictures of README and docs: that they can be drawn, and are not too large to load."""

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from docs import make_picture
from scripts.morphometry import measure
from scripts.report.theme import EXTRA_COLOUR, FOUND_COLOUR, MISSED_COLOUR, OUTLINE_COLOUR


@pytest.fixture
def images(tmp_path, monkeypatch):
    """A folder for the pictures, of a small volume."""
    monkeypatch.setattr(make_picture, "IMAGES", tmp_path)
    monkeypatch.setattr(make_picture, "SHAPE", (48, 40, 8))
    return tmp_path


def test_a_picture_is_drawn_and_keeps_its_colours(images, capsys):
    """Though they are made few, so that the file is small."""
    make_picture.main("segmentation")
    assert [path.name for path in images.iterdir()] == ["segmentation.png"]
    assert "segmentation.png: " in capsys.readouterr().out
    picture = imread(images / "segmentation.png")[..., :3]
    for colour in (OUTLINE_COLOUR, FOUND_COLOUR, EXTRA_COLOUR, MISSED_COLOUR):
        assert (np.abs(picture - to_rgb(colour)).max(axis=-1) < 0.05).sum() > 100


def test_lines_and_bars_have_the_colour_of_their_radius(tmp_path):
    mask = np.zeros((60, 40, 20), bool)
    mask[:, 8:11, 8:11] = mask[:, 25:34, 6:15] = True  # a thin vessel and a wide one
    network = measure(mask, (1, 1, 1))
    path = make_picture.branch_panel(tmp_path / "branches.png", mask * 1.0, network, network)
    picture = imread(path)[..., :3]
    highest = np.ceil(max(branch.radii.max() for branch in network.branches))
    for branch in network.branches:
        colour = colormaps["viridis"](np.median(branch.radii) / highest)[:3]
        assert (np.abs(picture - colour).max(axis=-1) < 0.06).sum() > 100
    assert (np.abs(picture - to_rgb(EXTRA_COLOUR)).max(axis=-1) < 0.05).sum() > 100  # the truth


def test_a_picture_that_does_not_exist(images):
    with pytest.raises(ValueError, match=r"^contact: there is no such picture; .*contact_sheet"):
        make_picture.main("contact")
    assert not list(images.iterdir())


def test_the_pictures_of_the_docs_are_small():
    pictures = list((make_picture.Path(make_picture.__file__).parent / "images").glob("*.png"))
    assert {f"{name}.png" for name in make_picture.PICTURES} <= {path.name for path in pictures}
    assert not [path for path in pictures if path.stat().st_size > 600_000]
