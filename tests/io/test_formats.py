import pytest

from scripts.io import SUFFIXES, file_family, split_name


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
    assert {file_family(f"a{suffix}") for suffix in SUFFIXES} == {"tiff", "nifti", "npy"}


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
def test_other_files_get_one_line_with_a_cure(name, word):
    with pytest.raises(ValueError, match=word) as error:
        split_name(name)
    assert str(error.value).startswith(f"{name}: ")
    assert "\n" not in str(error.value)
