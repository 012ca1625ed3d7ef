"""Pictures of segmentations: one a volume, the label where there is one, and what is refused before any is drawn."""

import json
import re
import shutil

import numpy as np
import pytest
import tifffile
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from scripts.commands.pictures.outlines import draw_outlines
from scripts.io import read_volume, write_volume
from scripts.report.theme import MISSED_COLOUR, OUTLINE_COLOUR, THEMES
from tests.helpers.dataset_examples import write_tubes

SHAPE = (40, 36, 15)


@pytest.fixture
def dataset(tmp_path):
    """Two volumes, `a` segmented half a vessel beside its label, `b` not at all."""
    dataset = tmp_path / "dataset"
    for name in "ab":
        write_tubes(dataset, name, SHAPE)
        label = read_volume(next((dataset / "labels").glob(f"{name}.*")))[1]
        found = np.roll(label, 3, axis=0) if name == "a" else np.zeros_like(label)
        write_volume(tmp_path / "out" / f"{name}_seg.tif", found)
    return dataset


def count(picture, colour):
    return (np.abs(imread(picture)[..., :3] - to_rgb(colour)).max(axis=2) < 0.02).sum()


def has(picture, colour):
    return bool(count(picture, colour) > 30)


def test_a_dataset_is_drawn_with_its_labels(dataset, tmp_path, capsys):
    draw_outlines(dataset, tmp_path / "out")
    a, b = (tmp_path / "out" / f"{name}_outlines.png" for name in "ab")
    assert has(a, MISSED_COLOUR)
    assert has(a, OUTLINE_COLOUR)
    assert has(b, MISSED_COLOUR)
    assert capsys.readouterr().err.split() == [str(a), str(b)]


def test_the_labels_of_a_decathlon_list_are_drawn(dataset, tmp_path):
    pairs = [{key: str(next((dataset / f"{key}s").glob("a.*"))) for key in ("image", "label")}]
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "dataset.json").write_text(json.dumps({"training": pairs}))
    draw_outlines(tmp_path / "list", tmp_path / "out")
    assert has(tmp_path / "out" / "a_outlines.png", MISSED_COLOUR)


def test_a_channel_of_an_nnunet_dataset_is_drawn_with_its_label(dataset, tmp_path):
    folder = tmp_path / "nnunet"
    for key in ("images", "labels"):
        (folder / f"{key}Tr").mkdir(parents=True)
        for channel in ("",) if key == "labels" else ("_0000", "_0001"):
            shutil.copy(next((dataset / key).glob("a.*")), folder / f"{key}Tr" / f"a{channel}.tif")
    (folder / "dataset.json").write_text(json.dumps({"channel_names": {"0": "lectin", "1": "nuclei"}}))
    shutil.copy(tmp_path / "out" / "a_seg.tif", tmp_path / "out" / "a_0001_seg.tif")
    draw_outlines(folder, tmp_path / "out", channel=1)
    assert has(tmp_path / "out" / "a_0001_outlines.png", MISSED_COLOUR)


def test_images_alone(dataset, tmp_path):
    draw_outlines(dataset / "images", tmp_path / "out", tmp_path / "pictures")
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["a_outlines.png", "b_outlines.png"]
    assert has(tmp_path / "pictures" / "a_outlines.png", OUTLINE_COLOUR)
    assert not has(tmp_path / "pictures" / "a_outlines.png", MISSED_COLOUR)


def test_results_beside_the_images_are_no_images(dataset, tmp_path):
    for name in "ab":
        shutil.copy(next((dataset / "images").glob(f"{name}.*")), tmp_path / "out")
        write_volume(tmp_path / "out" / f"{name}_prob.tif", np.zeros(SHAPE, np.float32))
    draw_outlines(tmp_path / "out", tmp_path / "out", tmp_path / "pictures")
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["a_outlines.png", "b_outlines.png"]


def test_a_dataset_that_is_labelled_in_part(dataset, tmp_path):
    next((dataset / "labels").glob("b.*")).unlink()
    draw_outlines(dataset, tmp_path / "out")
    assert has(tmp_path / "out" / "a_outlines.png", MISSED_COLOUR)
    assert not has(tmp_path / "out" / "b_outlines.png", MISSED_COLOUR)


def test_what_lies_outside_the_region_is_not_labelled(dataset, tmp_path, monkeypatch):
    given = drawn_with(monkeypatch)
    draw_outlines(dataset, tmp_path / "out", region="10:20,:,:8")
    draw_outlines(dataset, tmp_path / "out")
    for (_, (_, label, _), _), (_, (_, whole, _), _) in zip(given[:2], given[2:], strict=True):
        assert (label[10:20, :, :8] == whole[10:20, :, :8]).all()
        assert label[10:20, :, :8].any()
        assert np.count_nonzero(label != -1) == 10 * 36 * 8


def test_the_score_is_that_of_the_region(dataset, tmp_path, monkeypatch):
    """One that holds no vessel, of a volume in which nothing was found."""
    figures = []
    monkeypatch.setattr("scripts.report.slices.save_figure", lambda figure, path: figures.append(figure))
    draw_outlines(dataset, tmp_path / "out", region=":,:8,:")
    assert [text.get_text() for text in figures[1].texts[:3]][2] == (
        "Dice undefined, precision undefined, recall undefined, over the 22.2 % that are labelled"
    )


def test_a_region_that_does_not_fit_shows_before_anything_is_drawn(dataset, tmp_path):
    for region, problem in ((":,:,:16", "whose axis Z has the voxels 0:15"), ("3", "is not of the form")):
        with pytest.raises(ValueError, match=problem):
            draw_outlines(dataset, tmp_path / "out", region=region)
    assert not list((tmp_path / "out").glob("*.png"))


def test_a_region_without_any_label_is_refused(dataset, tmp_path):
    shutil.rmtree(dataset / "labels")
    with pytest.raises(ValueError, match=r"--region :,:,:8: no image has a label, .*; leave it out"):
        draw_outlines(dataset, tmp_path / "out", region=":,:,:8")


def drawn_with(monkeypatch):
    """What `slice_panel` is given, instead of a picture."""
    given = []
    monkeypatch.setattr(
        "scripts.commands.pictures.outlines.slice_panel",
        lambda path, *volumes, **said: given.append((path, volumes, said)),
    )
    return given


def test_the_unlabelled_value_theme_and_names_are_passed_on(dataset, tmp_path, monkeypatch):
    given = drawn_with(monkeypatch)
    path = next((dataset / "labels").glob("a.*"))
    write_volume(path, np.where(read_volume(path)[1] > 0, 9, 0).astype(np.uint8))
    draw_outlines(dataset, tmp_path / "out", unlabelled_value=9, theme="light", class_names=["artery", "vein"])
    _, (image, label, segmentation), said = given[0]
    assert image.shape == label.shape == segmentation.shape == SHAPE
    assert set(np.unique(label)) == {-1, 0}
    assert (said["title"], said["theme"], said["names"]) == ("a", "light", ["artery", "vein"])
    assert said["spread"] is None


def test_the_spread_beside_a_segmentation_is_drawn_too(dataset, tmp_path, monkeypatch):
    given = drawn_with(monkeypatch)
    write_volume(tmp_path / "out" / "a_std.tif", np.full(SHAPE, 0.25, np.float32))
    draw_outlines(dataset, tmp_path / "out")
    assert [said["spread"] is None for _, _, said in given] == [False, True]
    write_volume(tmp_path / "out" / "a_std.tif", np.full((5, 5, 5), 0.25, np.float32))
    with pytest.raises(ValueError, match=r"a_std\.tif: has \(5, 5, 5\) voxels"):
        draw_outlines(dataset, tmp_path / "out")


def test_the_score_and_the_theme_are_on_the_picture(dataset, tmp_path, monkeypatch):
    """A tube along X, of which one segmentation is rolled along X, that is itself, and the other empty."""
    figures = []
    monkeypatch.setattr("scripts.report.slices.save_figure", lambda figure, path: figures.append(figure))
    draw_outlines(dataset, tmp_path / "out", theme="light")
    (_, size, scores), (_, _, nothing) = ([text.get_text() for text in figure.texts[:3]] for figure in figures)
    assert size.startswith("40 × 36 × 15 voxels (X × Y × Z) of 2 × 2 × 5 µm")
    assert scores == "Dice 1.000, precision 1.000, recall 1.000, over all voxels"
    assert nothing == "Dice 0.000, precision undefined, recall 0.000, over all voxels"
    np.testing.assert_allclose(figures[0].get_facecolor()[:3], to_rgb(THEMES["light"].ground))


def test_a_theme_that_does_not_exist_shows_at_once(tmp_path):
    with pytest.raises(ValueError, match="--theme dusk: there is no such theme"):
        draw_outlines(tmp_path / "nowhere", tmp_path / "out", theme="dusk")


def test_images_of_several_channels_and_segmentations_beside_them(tmp_path):
    image, found = np.zeros((2, 15, 36, 40), np.uint8), np.zeros((15, 36, 40), np.uint8)  # (C, Z, Y, X)
    image[1, :, 10:20, 10:20] = found[:, 10:20, 10:20] = 1
    tifffile.imwrite(tmp_path / "c.TIF", image.transpose(1, 0, 2, 3), imagej=True, metadata={"axes": "ZCYX"})
    tifffile.imwrite(tmp_path / "c_seg.TIF", found, imagej=True, metadata={"axes": "ZYX"})
    with pytest.raises(ValueError, match="choose one with --channel"):
        draw_outlines(tmp_path, tmp_path)
    draw_outlines(tmp_path, tmp_path, channel=1)
    assert has(tmp_path / "c_outlines.png", OUTLINE_COLOUR)
    shutil.copy(tmp_path / "c_seg.TIF", tmp_path / "c_seg.tiff")
    with pytest.raises(ValueError, match="same name 'c_seg'"):
        draw_outlines(tmp_path / "c.TIF", tmp_path, channel=1)


@pytest.mark.parametrize(("size", "words"), [(0.001, "µm"), (5.0, "mm")])
def test_the_scale_bar_is_in_the_unit_that_suits_the_field(size, words, tmp_path, monkeypatch):
    given = drawn_with(monkeypatch)
    write_volume(tmp_path / "c.nii.gz", np.ones(SHAPE, np.uint8), voxel_size=(size, size, 2 * size), unit="mm")
    write_volume(tmp_path / "c_seg.nii.gz", np.ones(SHAPE, np.uint8), voxel_size=(size, size, 2 * size), unit="mm")
    draw_outlines(tmp_path / "c.nii.gz", tmp_path)
    [(_, _, drawn)] = given
    assert drawn["unit"] == words
    assert drawn["spacing"] == pytest.approx([1, 1, 2] if words == "µm" else [5, 5, 10], rel=1e-5)


def test_what_is_missing_or_does_not_fit_shows_before_anything_is_drawn(dataset, tmp_path):
    (tmp_path / "out" / "b_seg.tif").unlink()
    with pytest.raises(FileNotFoundError, match=re.escape("b_seg.*: no such file; segment ")):
        draw_outlines(dataset, tmp_path / "out")
    write_volume(tmp_path / "out" / "b_seg.tif", np.zeros((40, 36, 14), np.uint8))
    with pytest.raises(ValueError, match=r"b_seg\.tif: has \(40, 36, 14\) voxels"):
        draw_outlines(dataset, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        draw_outlines(tmp_path / "nowhere", tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.png"))


def test_a_folder_of_segmentations_that_is_not_there(tmp_path):
    write_tubes(tmp_path, "a", (12, 12, 12))
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder; check --segmentations_dir"):
        draw_outlines(tmp_path, tmp_path / "nowhere")
