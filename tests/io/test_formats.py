import numpy as np
import pytest

from scripts.io import SUFFIXES, file_family, split_name
from scripts.io.formats import FAMILY_OF_KIND, check_content
from tests.helpers.volume_examples import imagej, nifti, told


@pytest.mark.parametrize(
    ("name", "stem", "suffix"),
    [
        ("a.tif", "a", ".tif"),
        ("a.TIFF", "a", ".TIFF"),
        ("scan.v2.OME.Tif", "scan.v2", ".OME.Tif"),
        ("a.ome.tiff", "a", ".ome.tiff"),
        ("some where/b.c.nii.gz", "b.c", ".nii.gz"),
        ("b.nii", "b", ".nii"),
        ("x.npy", "x", ".npy"),
    ],
)
def test_a_name_is_stem_and_suffix_as_spelled(name, stem, suffix):
    assert split_name(name) == (stem, suffix)


def test_every_suffix_has_a_family():
    assert {file_family(f"a{suffix}") for suffix in SUFFIXES} == {"tiff", "nifti", "npy"} == {*FAMILY_OF_KIND.values()}


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("a.czi", "bioformats2raw"),
        ("a.ND2", "Fiji"),
        ("a.lif", "OME-TIFF"),
        ("a.dcm", "dcm2niix"),
        ("a.nrrd", "SimpleITK"),
        ("a.png", "Image Sequence"),
        ("a.gz", ".nii.gz"),
        ("a", "no suffix"),
        (".tif", "no suffix"),
    ],
)
def test_other_files_get_one_line_with_a_remedy(name, word):
    with pytest.raises(ValueError, match=word) as error:
        split_name(name)
    assert str(error.value).startswith(f"{name}: ")
    assert "\n" not in str(error.value)


def test_a_whole_file_gives_its_length(tmp_path):
    path = imagej(tmp_path / "a.tif")
    assert check_content(path) == path.stat().st_size


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        check_content(tmp_path / "a.tif")
    told(error, tmp_path / "a.tif", "no such file")


def test_folder(tmp_path):
    (tmp_path / "a.tif").mkdir()
    with pytest.raises(OSError, match="folder") as error:
        check_content(tmp_path / "a.tif")
    told(error, tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.tif", "a.nii", "a.nii.gz", "a.npy"])
def test_empty(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match="0 bytes") as error:
        check_content(tmp_path / name)
    told(error, tmp_path / name)


def test_less_than_a_header(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"\x5c\x01\0\0")
    with pytest.raises(ValueError, match="cut short") as error:
        check_content(tmp_path / "a.nii")
    told(error, tmp_path / "a.nii", "copy or export it again")


def test_names_that_lie(tmp_path):
    imagej(tmp_path / "real.tif").rename(tmp_path / "a.nii.gz")
    nifti(tmp_path / "real.nii").rename(tmp_path / "b.nii.gz")
    nifti(tmp_path / "real.nii.gz").rename(tmp_path / "c.nii")
    (tmp_path / "d.tif").write_text("not an image\n")
    np.save(tmp_path / "e.npy", np.zeros(3))
    (tmp_path / "e.npy").rename(tmp_path / "e.tif")
    for name, words in {
        "a.nii.gz": ["holds TIFF", "end in .tif"],
        "b.nii.gz": ["holds NIfTI", "end in .nii"],
        "c.nii": ["holds gzip", "end in .nii.gz"],
        "d.tif": ["holds text"],
        "e.tif": ["holds NumPy", "end in .npy"],
    }.items():
        with pytest.raises(ValueError, match=name) as error:
            check_content(tmp_path / name)
        told(error, tmp_path / name, *words)
