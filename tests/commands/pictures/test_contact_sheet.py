"""The contact sheet: as many pictures as asked for, real volumes among them, and what is refused."""

import numpy as np
import pytest
from matplotlib.image import imread

from scripts.commands.pictures.contact_sheet import draw_contact_sheet
from scripts.io import write_volume
from tests.helpers.dataset_examples import write_tubes

SHAPE = (40, 36, 15)


@pytest.fixture
def sheets(monkeypatch):
    """What is drawn on each sheet, where a sheet has room for five and two of them at least are synthetic."""
    drawn = []

    def keep(path, images, labels, title, captions, theme):
        drawn.append({"images": images, "labels": labels, "title": title, "captions": captions, "theme": theme})
        return path

    monkeypatch.setattr("scripts.commands.pictures.contact_sheet.patch_grid", keep)
    monkeypatch.setattr("scripts.commands.pictures.contact_sheet.MAX_PATCHES", 5)
    monkeypatch.setattr("scripts.commands.pictures.contact_sheet.MIN_SYNTHETIC", 2)
    return drawn


def test_a_sheet_of_synthetic_and_real_volumes(tmp_path):
    dataset = write_tubes(tmp_path / "dataset", "a", SHAPE)
    path = draw_contact_sheet(tmp_path / "new" / "sheet.png", count=3, seed=5, dataset_dir=dataset)
    picture = imread(path)
    assert picture.shape[1] == 2 * 220 + 14 + 30  # four pictures in a square
    assert picture[..., :3].std() > 0.1


def test_as_documented_a_dataset_takes_the_place_of_some_synthetic_volumes(tmp_path, sheets):
    """Without a count, which once was too much as soon as there was one real volume."""
    for name in "ab":
        dataset = write_tubes(tmp_path / "dataset", name, SHAPE)
    draw_contact_sheet(tmp_path / "sheet.png", dataset_dir=dataset)
    assert sheets[0]["captions"][:2] == ("a", "b")
    assert [caption.split()[-1] for caption in sheets[0]["captions"][2:]] == ["0", "1", "2"]
    assert sheets[0]["images"][0].shape == (40, 36, 1)
    assert sheets[0]["labels"][0].max() == 1
    assert sheets[0]["title"] == ""


def test_more_volumes_than_there_is_room_for_are_said(tmp_path, sheets):
    for name in "abcdef":
        dataset = write_tubes(tmp_path / "dataset", name, SHAPE)
    draw_contact_sheet(tmp_path / "sheet.png", dataset_dir=dataset)
    assert [caption for caption in sheets[0]["captions"] if len(caption) == 1] == ["a", "b", "c"]
    assert sheets[0]["title"] == f"3 of the 6 volumes in {dataset}"
    draw_contact_sheet(tmp_path / "sheet.png", count=4, dataset_dir=dataset, theme="light")
    assert sheets[1]["captions"][0] == "a"
    assert sheets[1]["captions"][1].split()[-1] == "0"
    assert sheets[1]["theme"] == "light"


def test_images_without_labels_and_of_several_channels(tmp_path, sheets):
    image = np.zeros((2, *SHAPE), np.uint8)
    image[1, :, :, 9] = 200
    write_volume(tmp_path / "images" / "c.nii.gz", image)
    with pytest.raises(ValueError, match="choose one with --channel"):
        draw_contact_sheet(tmp_path / "sheet.png", dataset_dir=tmp_path / "images")
    draw_contact_sheet(tmp_path / "sheet.png", count=1, dataset_dir=tmp_path / "images", channel=1)
    assert sheets[0]["labels"][0] is None
    assert (sheets[0]["images"][0] == 200).all()  # the brightest slice


def test_what_is_not_labelled_is_passed_on(tmp_path, sheets):
    dataset = write_tubes(tmp_path / "dataset", "a", SHAPE, vessel=9)
    draw_contact_sheet(tmp_path / "sheet.png", count=1, dataset_dir=dataset, unlabelled_value=0)
    assert set(np.unique(sheets[0]["labels"][0])) == {-1, 1}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"output_path": "sheet.txt"}, "is not the name of a PNG"),
        ({"count": 0}, "--count 0"),
        ({"count": 33}, "more than the 32 pictures"),
        ({"seed": -1}, "--seed -1"),
        ({"theme": "dusk"}, "--theme dusk"),
    ],
)
def test_refusals(tmp_path, options, words):
    options = {"output_path": "sheet.png", **options}
    with pytest.raises(ValueError, match=words):
        draw_contact_sheet(tmp_path / options.pop("output_path"), **options)
    assert not list(tmp_path.iterdir())


def test_folders_without_volumes(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        draw_contact_sheet(tmp_path / "sheet.png", masks_dir=tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        draw_contact_sheet(tmp_path / "sheet.png", dataset_dir=tmp_path / "nowhere")
