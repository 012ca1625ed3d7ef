"""The slice that shows what each variant found."""

import numpy as np
import pytest

from scripts.io import write_volume
from scripts.report.sheet import AGREEMENT
from scripts.report.study.example import DIMMED, dice_of, example_drawing, first_examples, threshold_of, tile_figure
from scripts.report.theme import THEMES
from tests.report.study.records import compared, study_of

SHAPE = (8, 6, 4)
BOX = "0:8,3:6,0:4"  # the lower half of a picture is judged


def volumes(folder, predictions, **more):
    """A study of predictions (X, Y, Z) of a vessel along X at y = 4, z = 2; a study."""
    label = np.zeros(SHAPE, np.uint8)
    label[:, 4, 2] = 1
    write_volume(folder / "label.tif", label, voxel_size=(2, 2, 2), unit="µm")
    write_volume(folder / "image.tif", np.full(SHAPE, 100, np.uint8), voxel_size=(2, 2, 2), unit="µm")
    trials = compared({name: (0.9,) for name in predictions})
    for each, found in zip(trials, predictions.values(), strict=True):
        write_volume(folder / f"{each['number']}.tif", found.astype(np.float32))
        each["example"] = f"{each['number']}.tif"
    paths = {name: str(folder / f"{name}.tif") for name in ("image", "label")}
    return study_of(folder, trials, example={"volume": "a", "box": BOX, **paths}, **more)


def vessel(places):
    found = np.zeros(SHAPE)
    found[places] = 0.9
    return found


def test_tiles_captions_and_colours(tmp_path):
    study = volumes(tmp_path, {"all": vessel(np.s_[:, 4, 2]), "half": vessel(np.s_[:4, 3:5, 2])})
    drawing = example_drawing(study)
    assert [tile.caption for tile in drawing.tiles] == [
        "image", "truth", "all\nDice 1.000", "half\nDice 0.500",
    ]  # fmt: skip
    assert drawing.words.startswith("Slice Z = 2 of a,")
    times = drawing.tiles[0].pixels.shape[1] // 8
    image, half = (drawing.tiles[n].pixels[times // 2 :: times, times // 2 :: times].astype(int) for n in (0, 3))
    assert image.shape == (6, 8, 3)
    assert (image[:3] / image[3:]).round(1).tolist() == np.full((3, 8, 3), DIMMED).tolist()
    assert len(np.unique(half[3:].reshape(-1, 3), axis=0)) == 4  # background, found, extra, missed
    assert (half[4, :4] == half[4, 0]).all()
    assert (half[4, 4:] == half[4, 7]).all()
    assert (half[3, :4] == half[3, 0]).all()
    assert drawing.tiles[0].size == (16, 12)
    assert len(drawing.legend) == len(AGREEMENT) + 1


def test_what_lies_outside_the_box_is_neither_judged_nor_tinted(tmp_path):
    inside, outside = vessel(np.s_[:, 4, 2]), vessel(np.s_[:, 0, 2]) + vessel(np.s_[:, 4, 2])
    one, other = example_drawing(volumes(tmp_path, {"in": inside, "out": outside})).tiles[2:]
    assert (one.pixels == other.pixels).all()
    assert other.caption == "out\nDice 1.000"


def test_the_first_seed_and_its_threshold(tmp_path):
    study = volumes(tmp_path, {"one": vessel(np.s_[:, 4, 2])})
    assert threshold_of(study, study.trials[0]) == 0.5
    (tmp_path / "curves.json").write_text('{"threshold": 0.95}')
    trials = [{**vars(study.trials[0]), "seed": 1}, {**vars(study.trials[0]), "number": 5, "curves": "curves.json"}]
    study = study_of(tmp_path, trials, example=study.example)
    assert first_examples(study)["one"][0].number == 5
    assert example_drawing(study).tiles[2].caption == "one\nDice 0.000"


def test_a_prediction_of_another_size_is_told_and_nothing_gives_no_picture(tmp_path):
    drawing = example_drawing(volumes(tmp_path, {"odd": np.zeros((8, 6, 5))}))
    assert len(drawing.tiles) == 2
    assert drawing.words.endswith("Not shown, for it is not of the size of the image: odd.")
    assert example_drawing(study_of(tmp_path, compared({"one": (0.9,)}))) is None


def test_dice_is_of_what_is_labelled():
    pred, label = np.array([1, 1, 0, 1], bool), np.array([1, 0, 1, -1])
    assert dice_of(pred, label) == pytest.approx(0.5)
    assert dice_of(pred[3:], label[3:]) is None


def test_tiles_as_a_figure(tmp_path):
    drawing = example_drawing(volumes(tmp_path, {"one": vessel(np.s_[:, 4, 2])}))
    figure = tile_figure(drawing, "Loss functions", THEMES["dark"])
    assert len(figure.axes) == 3
    words = [text.get_text() for text in figure.texts]
    assert words[0] == "Loss functions: What was found"
    assert "in the label, missed" in words


def test_a_narrow_tile_keeps_its_score(tmp_path):
    """A name that is cut has its score on a line of its own, between the name and the picture."""
    name = "WCCE 1:7 with a very long name that no narrow tile has room for " * 2
    figure = tile_figure(example_drawing(volumes(tmp_path, {name: vessel(np.s_[:, 4, 2])})), "", THEMES["dark"])
    (cut,) = [text for text in figure.texts if text.get_text().startswith("WCCE")]
    (score,) = [text for text in figure.texts if text.get_text().startswith("Dice")]
    assert "…" in cut.get_text()
    assert score.get_text() == "Dice 1.000"
    assert cut.get_position()[1] > score.get_position()[1] > figure.axes[2].get_position().y1


def test_of_a_large_slice_the_surroundings_of_the_box_are_shown(tmp_path):
    """Along X the box is 10 to 14 of 100, and along Y 5 to 9: with 16 voxels around it, 0 to 30 and 0 to 25."""
    label = np.zeros((100, 90, 2), np.uint8)
    label[12, 6, 1] = 1
    for name in ("image", "label"):
        write_volume(tmp_path / f"{name}.tif", label)
    write_volume(tmp_path / "0.tif", label.astype(np.float32))
    paths = {name: str(tmp_path / f"{name}.tif") for name in ("image", "label")}
    example = {"volume": "a", "box": "10:14,5:9,0:2", **paths}
    study = study_of(tmp_path, compared({"one": (0.9,)}, example="0.tif"), example=example)
    assert example_drawing(study).tiles[0].size == (30, 25)
