"""Synthetic studies: the same files for the same numbers, readable as studies, and nothing written on refusal."""

import numpy as np
import pytest

from scripts.commands.synthesise import SHAPES, write_study
from scripts.data import find_study, label_values
from scripts.io import read_volume
from scripts.synthesis import DRAWN_STYLES

SMALL = {"shape": (16, 12, 8)}


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("suffix", [".tif", ".nii.gz", ".npy"])  # an OME-TIFF has an identity of its own
def test_same_numbers_same_bytes(tmp_path, suffix):
    one = files(write_study(tmp_path / "one", 2, 3, suffix=suffix, **SMALL))
    np.random.seed(1)
    assert files(write_study(tmp_path / "two", 2, 3, suffix=suffix, **SMALL)) == one
    assert len(one) == 4
    assert files(write_study(tmp_path / "three", 2, 13, suffix=suffix, **SMALL)).keys() != one.keys()


def test_a_volume_depends_on_its_own_number_alone(tmp_path):
    several = files(write_study(tmp_path / "several", 3, 5, **SMALL))
    alone = files(write_study(tmp_path / "alone", 1, 7, **SMALL))
    assert alone.items() <= several.items()
    assert len(alone) == 2


def test_it_is_a_study(tmp_path):
    study = find_study(write_study(tmp_path, len(DRAWN_STYLES), voxel_size=(1, 1, 3), **SMALL))
    assert sorted(item["name"] for item in study) == sorted(f"{s}_{i}" for i, s in enumerate(DRAWN_STYLES))
    assert label_values(study, classes=2) == [0, 1]
    for item in study:
        assert item["shape"] == (16, 12, 8)
        np.testing.assert_allclose(np.diag(item["affine"])[:3], (0.001, 0.001, 0.003), rtol=1e-5)
        info, image = read_volume(item["image"])
        assert info.unit == "µm"
        assert image.dtype == np.float32
        assert image.min() < image.max()


def test_no_voxel_size_is_invented(tmp_path):
    (item,) = find_study(write_study(tmp_path, 1, **SMALL))
    assert read_volume(item["image"])[0].unit == ""


def test_styles_and_shapes_take_turns(tmp_path, monkeypatch):
    drawn = []

    def note(seed, shape, style):
        drawn.append((style, shape))
        return np.ones((2, 2, 2), np.float32), np.ones((2, 2, 2), np.uint8)

    monkeypatch.setattr("scripts.commands.synthesise.synthesise", note)
    write_study(tmp_path / "all", 6 * len(DRAWN_STYLES))
    thin = [shape for style, shape in drawn if style == "stack"]
    assert len(set(thin)) == 1
    assert thin[0][2] < 32
    others = set(DRAWN_STYLES) - {"stack"}
    assert {pair for pair in drawn if pair[0] != "stack"} == {(style, shape) for style in others for shape in SHAPES}
    drawn.clear()
    write_study(tmp_path / "one", 4, style="mesh", shape=[9, 9, 9])
    assert drawn == [("mesh", (9, 9, 9))] * 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": 0}, "count must be a whole number of at least 1, got 0"),
        ({"count": 1.5}, "count must be"),
        ({"count": "few"}, "count must be .* got 'few'"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"seed": "x"}, "seed must be"),
        ({"style": "forest"}, "style must be one of tree"),
        ({"suffix": ".czi"}, "suffix must be one of .* got '.czi'"),
        ({"shape": (16, 16)}, "shape must be"),
        ({"shape": (4, 16, 16)}, "shape must be"),
        ({"voxel_size": (1, 1)}, "voxel_size"),
        ({"voxel_size": (1, 1, 1), "unit": "parsec"}, "parsec"),
    ],
)
def test_refusals_write_nothing(tmp_path, arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        write_study(tmp_path / "study", **{"count": 1, **SMALL, **arguments})
    assert "\n" not in str(error.value)
    assert not files(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file/study: cannot be written to"):
        write_study(tmp_path / "file" / "study", 1, **SMALL)
