import gzip
import json
import logging
import shutil
import subprocess
import time
from datetime import UTC, datetime

import numpy as np
import pytest

from scripts.io import CORRECTED, read_header, read_volume, write_volume
from scripts.io.place import difference
from tests.helpers.volume_examples import told

pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom")
from tests.helpers.dicom_examples import COLUMNS_RUN, NORMAL, ORIGIN, SECRET, STEP, affine, multiframe, series  # noqa: E402

PROVENANCE = {"software": "tubenet 9.8.7", "weights": "model.pt", "weights_sha256": "ab" * 32}
NAMES = ["background", "artery", "vessel of another kind"]


def classes(seed=3):
    """(X, Y, Z) with 0, 1 and 2, one slice empty."""
    array = np.random.default_rng(seed).integers(0, 3, (7, 5, 4)).astype(np.uint8)
    array[:, :, 1] = 0
    return array


@pytest.fixture(params=["series", "frames"])
def image(request, tmp_path):
    return series(tmp_path / "scan") if request.param == "series" else multiframe(tmp_path / "scan.dcm")


def test_classes_come_back_where_they_were(tmp_path, image):
    info = read_header(image)
    path = write_volume(tmp_path / "s.dcm", classes(), like=info, provenance=PROVENANCE, label_names=NAMES)
    found, values = read_volume(path)
    np.testing.assert_array_equal(values, classes())
    np.testing.assert_allclose(found.affine, affine(), atol=1e-9)
    assert difference(found, info) == ""
    assert (found.kind, found.shape, found.provenance) == ("segmentation", (7, 5, 4), PROVENANCE)
    assert read_header(path).shape == info.shape


def test_highdicom_finds_the_source_of_every_frame(tmp_path, image):
    info, _ = read_volume(image)
    path = write_volume(tmp_path / "s.dcm", classes(), like=info, provenance=PROVENANCE, label_names=NAMES)
    found = highdicom.seg.segread(path)
    files = sorted(image.iterdir()) if image.is_dir() else [image]
    sources = [pydicom.dcmread(file) for file in files]
    if image.is_dir():
        planes = found.get_pixels_by_source_instance([ds.SOPInstanceUID for ds in sources], combine_segments=True)
        heights = [np.dot(ds.ImagePositionPatient, np.cross([0.8, 0.6, 0], [0, 0, -1])) for ds in sources]
        order = np.argsort(np.argsort(heights))
    else:
        planes = found.get_pixels_by_source_frame(sources[0].SOPInstanceUID, [1, 2, 3, 4], combine_segments=True)
        order = np.arange(4)[::-1]  # as `multiframe` stores them
    np.testing.assert_array_equal(planes, classes().transpose(2, 1, 0)[order])


def test_what_it_says(tmp_path):
    info = read_header(series(tmp_path / "scan"))
    ds = pydicom.dcmread(
        write_volume(tmp_path / "s.dcm", classes(), like=info, provenance=PROVENANCE, label_names=NAMES)
    )
    assert (ds.Modality, ds.SegmentationType, ds.NumberOfFrames) == ("SEG", "BINARY", 8)
    assert (ds.StudyInstanceUID, ds.FrameOfReferenceUID, ds.PatientName) == ("1.2.3", "1.2.3.9", SECRET)
    assert ds.ReferencedSeriesSequence[0].SeriesInstanceUID == "1.2.3.4" != ds.SeriesInstanceUID
    assert [segment.SegmentLabel for segment in ds.SegmentSequence] == NAMES[1:]
    assert [segment.SegmentAlgorithmName for segment in ds.SegmentSequence] == ["tubenet"] * 2
    kinds = [segment.SegmentedPropertyTypeCodeSequence[0].CodeValue for segment in ds.SegmentSequence]
    assert kinds == ["51114001", "59820001"]  # SNOMED CT: artery, blood vessel
    algorithm = ds.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("tubenet", f"9.8.7, weights {'ab' * 8}")
    assert json.loads(algorithm.AlgorithmParameters) == {"provenance": PROVENANCE}
    assert ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices == 2.5


def test_colours_and_who_made_it(tmp_path):
    info = read_header(series(tmp_path / "scan"))
    path = write_volume(tmp_path / "s.dcm", classes(), like=info, provenance=PROVENANCE, label_names=NAMES)
    ds = pydicom.dcmread(path)
    assert all(len(each.RecommendedDisplayCIELabValue) == 3 for each in ds.SegmentSequence)
    assert {each.SegmentAlgorithmType for each in ds.SegmentSequence} == {"AUTOMATIC"}
    by_a_person = PROVENANCE | {CORRECTED: True}
    again = pydicom.dcmread(write_volume(tmp_path / "p.dcm", classes(), like=info, provenance=by_a_person))
    assert {each.SegmentAlgorithmType for each in again.SegmentSequence} == {"SEMIAUTOMATIC"}


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dciodvfy: apt install dicom3tools")
def test_the_validator_finds_no_error(tmp_path, image):
    info = read_header(image)
    path = write_volume(tmp_path / "s.dcm", classes(), like=info, provenance=PROVENANCE, label_names=NAMES)
    told = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False).stderr
    assert "Segmentation" in told
    assert not [line for line in told.splitlines() if line.startswith("Error")]


@pytest.mark.parametrize(("values", "names"), [([255], None), ([255], NAMES[:2]), ([2, 7], NAMES)])
def test_other_values_become_the_numbers_of_segments(tmp_path, values, names):
    info = read_header(series(tmp_path / "scan"))
    array = np.zeros((7, 5, 4), np.uint8)
    for at, value in enumerate(values):
        array[at, :, at] = value
    _, found = read_volume(write_volume(tmp_path / "s.dcm", array, like=info, label_names=names))
    np.testing.assert_array_equal(found, np.searchsorted([0, *values], array))


def tilted(ds, number):
    at = ORIGIN + number * (STEP * NORMAL + 0.4 * COLUMNS_RUN)
    ds.ImagePositionPatient = [float(f"{value:.9g}") for value in at]


def test_slices_of_a_tilted_gantry(tmp_path):
    info = read_header(series(tmp_path / "scan", change=tilted))
    path = write_volume(tmp_path / "s.dcm", classes(), like=info, label_names=NAMES)
    found, values = read_volume(path)
    np.testing.assert_array_equal(values, classes())
    np.testing.assert_allclose(found.affine, info.affine, atol=1e-6)
    frames = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence
    places = {tuple(frame.PlanePositionSequence[0].ImagePositionPatient) for frame in frames}
    slices = [pydicom.dcmread(file) for file in (tmp_path / "scan").iterdir()]
    assert places == {tuple(ds.ImagePositionPatient) for ds in slices}


def test_overlapping_segments_of_a_tilted_gantry_are_no_classes(tmp_path):
    info = read_header(series(tmp_path / "scan", change=tilted))
    ds = pydicom.dcmread(write_volume(tmp_path / "s.dcm", classes(), like=info, label_names=NAMES))
    ds.PixelData = b"\xff" * len(ds.PixelData)
    ds.save_as(tmp_path / "s.dcm")
    with pytest.raises(ValueError, match="they overlap") as error:
        read_volume(tmp_path / "s.dcm")
    told(error, tmp_path / "s.dcm")


def test_frames_that_are_no_volume(tmp_path):
    ds = pydicom.dcmread(write_volume(tmp_path / "s.dcm", classes(), like=read_header(series(tmp_path / "scan"))))
    for frame in ds.PerFrameFunctionalGroupsSequence[::4]:
        frame.PlanePositionSequence[0].ImagePositionPatient = [float(each) for each in ORIGIN - NORMAL]
    ds.save_as(tmp_path / "s.dcm")
    with pytest.raises(ValueError, match="not equally spaced") as error:
        read_header(tmp_path / "s.dcm")
    told(error, tmp_path / "s.dcm")


def test_an_empty_segmentation_has_all_slices(tmp_path):
    info = read_header(series(tmp_path / "scan"))
    found, values = read_volume(write_volume(tmp_path / "s.dcm", np.zeros((7, 5, 4), np.uint8), like=info))
    assert found.shape == (7, 5, 4)
    assert not values.any()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((7, 5, 4), np.float32), "no classes"),
        (np.zeros((2, 7, 5, 4), np.uint8), "no classes"),
        (np.arange(140, dtype=np.uint8).reshape(7, 5, 4), "139 classes, and 1 have names"),
    ],
)
def test_what_is_no_segmentation_of_the_slices(tmp_path, array, words):
    info = read_header(series(tmp_path / "scan"))
    with pytest.raises(ValueError, match=words) as error:
        write_volume(tmp_path / "s.dcm", array, like=info, label_names=NAMES[:2])
    told(error, tmp_path / "s.dcm")
    assert not (tmp_path / "s.dcm").exists()


def test_only_on_the_voxels_of_slices(tmp_path):
    info = read_header(series(tmp_path / "scan"))
    moved = info.affine.copy()
    moved[0, 3] += 3
    for given in ({"like": info, "affine": moved}, {}):
        with pytest.raises(ValueError, match="belongs to the slices that were segmented") as error:
            write_volume(tmp_path / "s.dcm", classes(), **given)
        told(error, tmp_path / "s.dcm", "write .nii.gz")


def test_fractions_are_no_classes(tmp_path):
    info = read_header(series(tmp_path / "scan"))
    path = write_volume(tmp_path / "s.dcm", classes(), like=info)
    ds = pydicom.dcmread(path)
    ds.SegmentationType = "FRACTIONAL"
    ds.save_as(path)
    with pytest.raises(ValueError, match="fractions") as error:
        read_header(path)
    told(error, path)


def test_a_segmentation_among_slices(tmp_path):
    path = series(tmp_path / "scan")
    write_volume(path / "s.dcm", classes(), like=read_header(path))
    ds = pydicom.dcmread(path / "s.dcm")
    ds.SeriesInstanceUID = "1.2.3.4"
    ds.save_as(path / "s.dcm")
    with pytest.raises(ValueError, match=r"s\.dcm is a segmentation among its slices") as error:
        read_header(path)
    told(error, path)


def test_nothing_of_the_patient_goes_anywhere_else(tmp_path, caplog, recwarn):
    """A date that is none makes pydicom warn of it, with its value."""
    rest = {"PatientComments": "Secret comment", "PatientAge": "099Y", "InstitutionName": "Secret house"}
    path = series(
        tmp_path / "scan", PatientBirthDate="21. 3. 1905", PatientName="Secret^Of^Mine", PatientID="Secret 7", **rest
    )
    caplog.clear()
    recwarn.clear()
    caplog.set_level(logging.DEBUG)
    info, values = read_volume(path)
    write_volume(tmp_path / "p.nii.gz", values.astype(np.float32), like=info, provenance=PROVENANCE)
    seg = write_volume(tmp_path / "s.dcm", classes(), like=info)
    read_volume(seg)
    told_of = [caplog.text, str(info), str(info.meta()), *(str(each.message) for each in recwarn)]
    with gzip.open(tmp_path / "p.nii.gz") as file:
        told_of.append(file.read().decode("latin-1"))
    assert not [text for text in told_of if "1905" in text or "Secret" in text]
    written = pydicom.dcmread(seg)
    assert (written.PatientName, written.PatientID, written.PatientBirthDate) == ("Secret^Of^Mine", "Secret 7", "")
    assert not any(keyword in written for keyword in rest)


def test_a_header_without_patient_is_enough(tmp_path):
    def anonymous(ds, _):
        for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"):
            delattr(ds, name)
        del ds.AccessionNumber, ds.ReferringPhysicianName, ds.Manufacturer, ds.Modality

    info = read_header(series(tmp_path / "scan", change=anonymous))
    assert read_header(write_volume(tmp_path / "s.dcm", classes(), like=info)).shape == (7, 5, 4)


@pytest.mark.parametrize("here", ["UTC", "Europe/Berlin", "America/St_Johns"])
@pytest.mark.parametrize("of_the_slices", [None, "+0900", "nonsense"])
def test_it_says_when_it_was_made_in_which_zone(tmp_path, monkeypatch, here, of_the_slices):
    tags = {"TimezoneOffsetFromUTC": of_the_slices} if of_the_slices else {}
    info = read_header(series(tmp_path / "scan", **tags))
    monkeypatch.setenv("TZ", here)
    time.tzset()
    try:
        ds = pydicom.dcmread(write_volume(tmp_path / "s.dcm", classes(), like=info, label_names=NAMES))
        zone = time.strftime("%z")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert ds.TimezoneOffsetFromUTC == ("+0900" if of_the_slices == "+0900" else zone)
    for kind in ("Content", "InstanceCreation"):
        told = f"{ds[kind + 'Date'].value}{ds[kind + 'Time'].value}{ds.TimezoneOffsetFromUTC}"
        made = datetime.strptime(told, "%Y%m%d%H%M%S.%f%z")
        assert abs((datetime.now(UTC) - made).total_seconds()) < 600
