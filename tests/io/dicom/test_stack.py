import shutil

import numpy as np
import pytest

from scripts.io import read_header, read_volume
from tests.helpers.volume_examples import told

pydicom = pytest.importorskip("pydicom")
from pydicom.uid import RTStructureSetStorage, generate_uid  # noqa: E402

from tests.helpers.dicom_examples import header, multiframe, series, voxels  # noqa: E402


def refused(path, *words, channel=None):
    with pytest.raises((ValueError, OSError), match=words[0]) as error:
        read_header(path, channel)
    told(error, path, *words)
    assert "Unspeakable" not in str(error.value)


def two_series(folder):
    series(folder, voxels(4))
    other = series(folder.with_name("other"), voxels(3, seed=1), SeriesInstanceUID="1.2.3.5", SeriesNumber=1)
    for file in other.iterdir():
        file.rename(folder / f"b{file.name}")
    other.rmdir()
    return folder


def test_two_series_are_named_with_the_way_to_choose(tmp_path):
    path = two_series(tmp_path / "scan")
    refused(
        path,
        "it holds 2 series and not one",
        "0: CT series number 1, 3 files such as bIM10",
        "1: CT series number 2, 4 files such as IM03",
        "--channel 0..1, or give each a folder of its own",
    )
    refused(path, "2 is none of them", channel=2)


def test_one_of_two_series(tmp_path):
    path = two_series(tmp_path / "scan")
    for channel, array in ((0, voxels(3, seed=1)), (1, voxels(4))):
        info, values = read_volume(path, channel)
        np.testing.assert_array_equal(values, array.transpose(2, 1, 0))
        assert info.channel == channel


def test_a_single_series_has_no_other(tmp_path):
    refused(series(tmp_path / "scan"), "channel 1 does not exist", channel=1)


def test_other_objects_in_the_folder(tmp_path):
    path = series(tmp_path / "scan")
    ds = header(voxels()[0], RTStructureSetStorage)
    del ds.Rows, ds.Columns, ds.PixelData
    ds.save_as(path / "plan.dcm", enforce_file_format=True)
    with pytest.raises(ValueError, match="no image but a RT Structure Set") as error:
        read_header(path)
    told(error, path / "plan.dcm", "take it out of the folder")


def test_localizers(tmp_path):
    def localizer(ds, number):
        if number == 0:
            ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    refused(series(tmp_path / "scan", change=localizer), "IM10 is a localizer", "take it out")

    def series_of_its_own(ds, number):
        localizer(ds, number)
        if number == 0:
            ds.SeriesInstanceUID, ds.SeriesNumber = generate_uid(), 1

    refused(series(tmp_path / "b", change=series_of_its_own), "0: CT localizer series number 1, 1 files")


def test_nothing_and_one_slice(tmp_path):
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "no DICOM file")
    path = series(tmp_path / "scan", voxels(1))
    refused(path, "a single slice, IM10", "whole series")
    file = next(path.iterdir()).rename(tmp_path / "a.dcm")
    refused(file, "a single slice", "give the folder of its series")


def test_a_file_with_all_slices_among_slices(tmp_path):
    path = series(tmp_path / "scan")
    multiframe(path / "all.dcm")
    refused(path, "all.dcm holds 4 slices, others one")


def test_what_is_no_dicom_is_passed_over(tmp_path):
    path = series(tmp_path / "scan")
    (path / "readme.txt").write_text("from the scanner")
    shutil.copy(path / "IM10", path / "DICOMDIR")
    (path / ".hidden").write_bytes((path / "IM10").read_bytes())
    assert read_header(path).shape == (7, 5, 4)
