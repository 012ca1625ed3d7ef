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


@pytest.mark.parametrize("modality", ["Smithers", "SMITHERS", "", None])
def test_of_modalities_only_those_that_dicom_defines_are_told(tmp_path, modality):
    path = two_series(tmp_path / "scan")
    for file in path.iterdir():
        ds = pydicom.dcmread(file)
        if file.name.startswith("b"):
            ds.Modality = modality
            ds.save_as(file)
    refused(path, "0: series number 1 of unknown modality, 3 files such as bIM10; 1: CT series number 2, 4 files")
    with pytest.raises(ValueError, match="2 series") as error:
        read_header(path)
    assert "smithers" not in str(error.value).lower()


@pytest.mark.parametrize(
    ("keyword", "value", "what"),
    [
        ("StudyInstanceUID", "1.2.77", "study"),
        ("FrameOfReferenceUID", "1.2.77", "frame of reference"),
        ("PatientID", "77", "patient"),
        ("PatientID", "", "patient"),
    ],
)
def test_slices_of_two_scans_under_one_series(tmp_path, keyword, value, what):
    def change(ds, number):
        if number == 2:
            setattr(ds, keyword, value)

    path = series(tmp_path / "scan", change=change, PatientID="0815")
    refused(path, f"IM72 and IM03 differ in {what}", f"({keyword}); put each scan into a folder of its own")
    with pytest.raises(ValueError, match="differ") as error:
        read_volume(path)
    assert not [secret for secret in ("0815", "77", "1.2") if secret in str(error.value).removeprefix(str(path))]


def test_spaces_around_a_patients_number_do_not_count(tmp_path):
    def change(ds, number):
        ds.SpecificCharacterSet, ds.PatientID = "ISO_IR 100", f"{' ' * number}M\xfcller"

    assert read_header(series(tmp_path / "scan", change=change)).shape == (7, 5, 4)


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
