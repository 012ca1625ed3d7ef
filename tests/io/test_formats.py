import os
import socket

import numpy as np
import pytest

from scripts.io import (
    READ_SUFFIXES,
    SUFFIXES,
    file_family,
    is_zarr,
    read_volume,
    result_name,
    split_name,
    write_volume,
)
from scripts.io.formats import FAMILY_OF_KIND, check_content
from tests.helpers.volume_examples import imagej, nifti, positions, told


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
        ("x.NRRD", "x", ".NRRD"),
        ("x.czi", "x", ".czi"),
        ("a/b.h5", "b", ".h5"),
        ("a/b.H5/exported_data", "b_exported_data", ".H5"),
        ("b.v2.hdf5/volumes/raw", "b.v2_volumes_raw", ".hdf5"),
        ("x.ims", "x", ".ims"),
    ],
)
def test_a_name_is_stem_and_suffix_as_spelled(name, stem, suffix):
    assert split_name(name) == (stem, suffix)


def test_every_suffix_has_a_family():
    assert {file_family(f"a{suffix}") for suffix in SUFFIXES} == {"tiff", "nifti", "npy"}
    assert {file_family(f"a{suffix}") for suffix in READ_SUFFIXES} == {*FAMILY_OF_KIND.values()}


def test_a_folder_is_a_series_of_its_name(tmp_path, monkeypatch):
    (tmp_path / "1.2.840").mkdir()
    assert split_name(tmp_path / "1.2.840") == ("1.2.840", "")
    assert file_family(tmp_path / "1.2.840") == "dicom"
    monkeypatch.chdir(tmp_path / "1.2.840")
    assert split_name(".") == ("1.2.840", "")


def test_a_zarr_is_a_folder_by_its_name_or_by_what_is_in_it(tmp_path):
    assert split_name("b/a.v2.ome.zarr") == ("a.v2", ".ome.zarr")
    assert split_name("a.zarr") == ("a", ".zarr")
    for mark in ("zarr.json", ".zarray", ".zgroup"):
        inner = tmp_path / "plate" / mark.strip(".")
        inner.mkdir(parents=True)
        (inner / mark).write_text("{}")
        assert split_name(inner) == (inner.name, "")
        assert (file_family(inner), is_zarr(inner)) == ("zarr", True)
        assert result_name(inner, "seg") == f"{inner.name}_seg.ome.zarr"
    assert (file_family(tmp_path / "plate"), is_zarr(tmp_path / "plate")) == ("dicom", False)
    assert is_zarr(f"{tmp_path}/not_there.zarr/")


@pytest.mark.parametrize(
    ("image", "postfix", "classes", "name"),
    [
        ("a.TIF", "seg", True, "a_seg.TIF"),
        ("a.nii.gz", "prob", False, "a_prob.nii.gz"),
        ("a.nrrd", "seg", True, "a_seg.nrrd"),
        ("a.nhdr", "seg", True, "a_seg.nrrd"),
        ("a.MHD", "prob", False, "a_prob.mha"),
        ("a.czi", "seg", True, "a_seg.ome.tif"),
        ("a.nd2", "prob", False, "a_prob.ome.tif"),
        ("a.dcm", "seg", True, "a_seg.dcm"),
        ("a.dcm", "prob", False, "a_prob.nii.gz"),
        ("a.npy", "", True, "a.npy"),
        ("a.zarr", "seg", True, "a_seg.zarr"),
        ("a.ims", "seg", True, "a_seg.ome.tif"),
        ("b/a.h5/raw", "prob", False, "a_raw_prob.ome.tif"),
        ("a.ome.zarr", "prob", False, "a_prob.ome.zarr"),
    ],
)
def test_what_a_result_is_called(image, postfix, classes, name):
    assert result_name(image, postfix, classes) == name


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("a.oif", "bioformats2raw"),
        ("a.LSM", "Fiji"),
        ("a.vsi", "OME-TIFF"),
        ("a.IMA", "the folder of its series"),
        ("a.mgz", "SimpleITK"),
        ("a.png", "is a picture of a single plane, and not a volume; .*Image Sequence"),
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


@pytest.mark.parametrize("name", ["a.tif", "a.nii", "a.nii.gz", "a.npy"])
def test_a_pipe_a_socket_or_a_device_is_never_opened(tmp_path, name):
    """Opening a named pipe waits for a writer: without the check this test does not end."""
    path = tmp_path / name
    os.mkfifo(path)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / name).symlink_to(path)
    (tmp_path / "zero").mkdir()
    (tmp_path / "zero" / name).symlink_to("/dev/zero")
    (tmp_path / "s").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s" / name))
    for each in (path, tmp_path / "link" / name, tmp_path / "zero" / name, tmp_path / "s" / name):
        with pytest.raises(OSError, match="pipe, socket or device and not a file") as error:
            check_content(each)
        told(error, each, "check the path")


def test_links_to_files_are_files_and_broken_ones_are_missing(tmp_path):
    whole = imagej(tmp_path / "a.tif")
    (tmp_path / "b.tif").symlink_to(whole)
    assert check_content(tmp_path / "b.tif") == whole.stat().st_size
    (tmp_path / "c.tif").symlink_to(tmp_path / "nowhere.tif")
    with pytest.raises(FileNotFoundError) as error:
        check_content(tmp_path / "c.tif")
    told(error, tmp_path / "c.tif", "no such file")
    (tmp_path / "d.tif").symlink_to(tmp_path / "d.tif")
    with pytest.raises(OSError, match="cannot be opened") as error:
        check_content(tmp_path / "d.tif")
    told(error, tmp_path / "d.tif")


@pytest.mark.parametrize("name", ["a\0b.tif", "\ud800.tif"])
def test_a_name_that_no_file_can_have(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="no file can have such a name") as error:
        check_content(tmp_path / name)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".nii.gz"])
def test_a_name_that_is_no_unicode_is_read_and_written(tmp_path, suffix):
    """File names are bytes, and old archives have some in Latin-1."""
    path = tmp_path / (os.fsdecode(b"caf\xe9") + suffix)
    info, voxels = read_volume(write_volume(path, positions()))
    np.testing.assert_array_equal(voxels, positions())
    assert write_volume(path.with_name("seg" + suffix), positions(), info).is_file()
    assert os.fsencode(path.name) in os.listdir(os.fsencode(tmp_path))
