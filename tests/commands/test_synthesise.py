"""Synthetic datasets: the same files for the same numbers, readable as datasets, and nothing written on refusal."""

import numpy as np
import pytest

from scripts.commands.synthesise import SHAPES, write_dataset
from scripts.data import find_dataset, label_values, scan_labels
from scripts.io import read_volume
from scripts.synthesis import DRAWN_STYLES

SMALL = {"shape": (16, 12, 8)}


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("suffix", [".tif", ".nii.gz", ".npy"])  # an OME-TIFF has an identity of its own
def test_same_numbers_same_bytes(tmp_path, suffix):
    one = files(write_dataset(tmp_path / "one", 2, 3, suffix=suffix, **SMALL))
    np.random.seed(1)
    assert files(write_dataset(tmp_path / "two", 2, 3, suffix=suffix, **SMALL)) == one
    assert len(one) == 4
    assert files(write_dataset(tmp_path / "three", 2, 13, suffix=suffix, **SMALL)).keys() != one.keys()


def test_a_volume_depends_on_its_own_number_alone(tmp_path):
    several = files(write_dataset(tmp_path / "several", 3, 5, **SMALL))
    alone = files(write_dataset(tmp_path / "alone", 1, 7, **SMALL))
    assert alone.items() <= several.items()
    assert len(alone) == 2


def test_it_is_a_dataset(tmp_path):
    dataset = find_dataset(write_dataset(tmp_path, len(DRAWN_STYLES), voxel_size=(1, 1, 3), **SMALL))
    assert sorted(item["name"] for item in dataset) == sorted(f"{s}_{i}" for i, s in enumerate(DRAWN_STYLES))
    assert label_values(scan_labels(dataset), classes=2) == [0, 1]
    for item in dataset:
        assert item["shape"] == (16, 12, 8)
        np.testing.assert_allclose(np.diag(item["affine"])[:3], (0.001, 0.001, 0.003), rtol=1e-5)
        info, image = read_volume(item["image"])
        assert info.unit == "µm"
        assert image.dtype == np.float32
        assert image.min() < image.max()


def test_no_voxel_size_is_invented(tmp_path):
    (item,) = find_dataset(write_dataset(tmp_path, 1, **SMALL))
    assert read_volume(item["image"])[0].unit == ""


def test_styles_and_shapes_take_turns(tmp_path, monkeypatch):
    drawn = []

    def note(seed, shape, style):
        drawn.append((style, shape))
        return np.ones((2, 2, 2), np.float32), np.ones((2, 2, 2), np.uint8)

    monkeypatch.setattr("scripts.commands.synthesise.synthesise", note)
    write_dataset(tmp_path / "all", 6 * len(DRAWN_STYLES))
    thin = [shape for style, shape in drawn if style == "stack"]
    assert len(set(thin)) == 1
    assert thin[0][2] < 32
    others = set(DRAWN_STYLES) - {"stack"}
    assert {pair for pair in drawn if pair[0] != "stack"} == {(style, shape) for style in others for shape in SHAPES}
    drawn.clear()
    write_dataset(tmp_path / "one", 4, style="mesh", shape=[9, 9, 9])
    assert drawn == [("mesh", (9, 9, 9))] * 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": 0}, "--count 0: is not a whole number of at least 1"),
        ({"count": 1.5}, "--count 1.5: is not"),
        ({"count": "few"}, "--count few: is not"),
        ({"seed": -1}, "--seed -1: is not a whole number of at least 0"),
        ({"seed": "x"}, "--seed x: is not"),
        ({"style": "forest"}, "--style forest: is not a style that can be drawn; give one of tree"),
        ({"style": "mask"}, "--style mask: is not a style that can be drawn; give one of tree"),
        ({"suffix": ".czi"}, "--suffix .czi: is not a file type that can be written; give one of"),
        ({"shape": (16, 16)}, "is not three whole numbers"),
        ({"shape": (4, 16, 16)}, "is not three whole numbers"),
        ({"voxel_size": (1, 1)}, "voxel_size"),
        ({"voxel_size": (1, 1, 1), "unit": "parsec"}, "parsec"),
    ],
)
def test_refusals_write_nothing(tmp_path, arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        write_dataset(tmp_path / "dataset", **{"count": 1, **SMALL, **arguments})
    assert "\n" not in str(error.value)
    assert not files(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file/dataset: cannot be written to"):
        write_dataset(tmp_path / "file" / "dataset", 1, **SMALL)
