"""The pictures of README and docs: that they can be drawn, and are not too large to load."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from docs import make_picture
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


def test_a_picture_that_does_not_exist(images):
    with pytest.raises(ValueError, match=r"^contact: there is no such picture; .*contact_sheet"):
        make_picture.main("contact")
    assert not list(images.iterdir())


def test_the_pictures_of_the_docs_are_small():
    pictures = list((make_picture.Path(make_picture.__file__).parent / "images").glob("*.png"))
    assert {f"{name}.png" for name in make_picture.PICTURES} <= {path.name for path in pictures}
    assert not [path for path in pictures if path.stat().st_size > 600_000]
