"""The contact sheet: as many pictures as asked for, real volumes among them, and what is refused."""

import pytest
from matplotlib.image import imread

from scripts.commands.contact_sheet import draw_contact_sheet
from tests.helpers.dataset_examples import write_tubes


def test_a_sheet_of_synthetic_and_real_volumes(tmp_path):
    dataset = write_tubes(tmp_path / "dataset", "a", (40, 36, 15))
    path = draw_contact_sheet(tmp_path / "new" / "sheet.png", count=3, seed=5, dataset_dir=dataset)
    with_it = imread(path)
    # four pictures in a square; without the real one three in a row
    assert with_it.shape[1] == pytest.approx(2 * 220 + 12 + 30, abs=3)
    without = imread(draw_contact_sheet(tmp_path / "sheet.png", count=3, seed=5))
    assert without.shape[1] == pytest.approx(3 * 220 + 2 * 12 + 30, abs=3)
    assert without[..., :3].std() > 0.1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"output_path": "sheet.txt"}, "is not the name of a PNG"),
        ({"count": 0}, "--count 0"),
        ({"count": 33}, "more than the 32 pictures"),
        ({"seed": -1}, "--seed -1"),
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
