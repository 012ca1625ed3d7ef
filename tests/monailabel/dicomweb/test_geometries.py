"""The table of geometries: a segmentation made by way of the server lies where its series says, voxel for voxel."""

import shutil
import subprocess

import numpy as np
import pytest

pytest.importorskip("monailabel", reason="make test-label runs this, in the environment of MONAI Label")

from monailabel.config import settings
from pydicom import dcmread
from pydicom.uid import UltrasoundMultiFrameImageStorage

from scripts.io import read_volume, write_volume
from scripts.monailabel.dicomweb.datastore import DicomDatastore, write_segmentation
from tests.ohif.orthanc import MISSING, Orthanc
from tests.ohif.scans import AXIAL, CORONAL, OBLIQUE, SAGITTAL, scan, tubes

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

NAMES = ["background", "vessel"]
HOUNSFIELD = {"RescaleSlope": 2, "RescaleIntercept": -1024, "modality": "CT"}


def compressed(folder, syntax):
    """Compress each slice of a series, with GDCM."""
    import gdcm

    for file in folder.iterdir():
        reader = gdcm.ImageReader()
        reader.SetFileName(str(file))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(file))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()


def tilted(ds, number):
    ds.ImagePositionPatient = [-20, 15 + 0.4 * number, 30 + 1.2 * number]


def signed():
    return np.round(tubes() * 1000 - 300).astype(np.int16)


GEOMETRIES = {
    "axial": {},
    "sagittal": {"runs": SAGITTAL},
    "coronal": {"runs": CORONAL},
    "oblique": {"runs": OBLIQUE},
    "thick": {"runs": OBLIQUE, "step": 3.0, "spacing": (0.4, 0.4)},
    "reversed": {"step": -1.2},
    "mirrored": {"runs": (AXIAL[1], AXIAL[0])},
    "tilted": {"change": tilted},
    "signed CT": {"array": signed(), **HOUNSFIELD},
    "RLE": {"syntax": "RLELossless"},
    "JPEG 2000": {"syntax": "JPEG2000Lossless"},
    "JPEG-LS": {"syntax": "JPEGLSLossless"},
    "lossless JPEG": {"syntax": "JPEGLosslessProcess14_1"},
}


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """One study for each, but the first two, which are two series of one study."""
    folder = tmp_path_factory.mktemp("scans")
    for number, (name, how) in enumerate(GEOMETRIES.items()):
        study = f"1.2.{max(number, 1)}"
        options = {key: value for key, value in how.items() if key != "syntax"}
        ids = {"StudyInstanceUID": study, "FrameOfReferenceUID": f"{study}.9", "PatientID": study}
        scan(folder / name, series_uid=f"1.2.{number}.5", **ids, **options)
        if "syntax" in how:
            compressed(folder / name, how["syntax"])
    return folder


@pytest.fixture(scope="module")
def store(scans, tmp_path_factory):
    server = Orthanc(tmp_path_factory.mktemp("orthanc") / "of")
    server.upload(*scans.iterdir())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "MONAI_LABEL_DICOMWEB_CACHE_PATH", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(settings, "MONAI_LABEL_DICOMWEB_SEARCH_FILTER", {})
        yield DicomDatastore(server.dicomweb, NAMES)
    server.stop()


def places(direction, spacing, position, mask):
    """Where the voxels of a mask `(rows, columns)` lie, in millimetres of the patient, from a header's own words."""
    rows_run, columns_run = np.array(direction, float).reshape(2, 3)
    (row, column), (down, along) = np.nonzero(mask), (float(each) for each in spacing)
    at = np.outer(column * along, rows_run) + np.outer(row * down, columns_run) + np.array(position, float)
    return {tuple(np.round(each, 2) + 0.0) for each in at}


def vessels_of_series(folder, threshold):
    found = set()
    for file in folder.iterdir():
        ds = dcmread(file)
        values = ds.pixel_array * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))
        direction, position = ds.ImageOrientationPatient, ds.ImagePositionPatient
        found |= places(direction, ds.PixelSpacing, position, values > threshold)
    return found


def vessels_of_segmentation(path):
    ds, found = dcmread(path), set()
    shared = ds.SharedFunctionalGroupsSequence[0]
    direction = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    spacing = shared.PixelMeasuresSequence[0].PixelSpacing
    for mask, group in zip(ds.pixel_array, ds.PerFrameFunctionalGroupsSequence, strict=True):
        position = group.PlanePositionSequence[0].ImagePositionPatient
        found |= places(direction, spacing, position, mask)
    return found


@pytest.mark.parametrize(("number", "name"), list(enumerate(GEOMETRIES)), ids=list(GEOMETRIES))
def test_a_segmentation_lies_where_the_series_says(store, scans, tmp_path, number, name):
    image = f"1.2.{number}.5"
    info, voxels = read_volume(store.get_image_uri(image))
    _, direct = read_volume(scans / name)
    np.testing.assert_array_equal(voxels, direct)  # what the network sees, this way and by `tubenet segment`
    threshold = float(direct.min() + (direct.max() - direct.min()) * 0.5)
    mask = write_volume(tmp_path / "mask.nii.gz", (voxels > threshold).astype(np.uint8), like=info)
    write_segmentation(tmp_path / "seg.dcm", mask, scans / name, NAMES)
    found, expected = vessels_of_segmentation(tmp_path / "seg.dcm"), vessels_of_series(scans / name, threshold)
    assert len(expected) == (direct > threshold).sum() > 500
    assert found == expected
    _, read_again = read_volume(tmp_path / "seg.dcm")  # by highdicom
    np.testing.assert_array_equal(read_again > 0, direct > threshold)
    ds = dcmread(tmp_path / "seg.dcm")
    assert ds.ReferencedSeriesSequence[0].SeriesInstanceUID == image
    if shutil.which("dciodvfy"):
        told = subprocess.run(["dciodvfy", tmp_path / "seg.dcm"], capture_output=True, text=True, check=False).stderr
        assert "Segmentation" in told
        assert not [line for line in told.splitlines() if line.startswith("Error")]


def uneven(ds, number):
    ds.ImagePositionPatient = [-20, 15, 30 + number**1.2]


def one_localizer(ds, number):
    if number == 3:
        ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("uneven", uneven, "its slices are not equally spaced: between"),
        ("localizer", one_localizer, "is a localizer and no slice of the volume; store it complete on the server"),
    ],
)
def test_what_is_no_volume_is_refused_by_name(tmp_path, monkeypatch, kind, change, words):
    monkeypatch.setattr(settings, "MONAI_LABEL_DICOMWEB_CACHE_PATH", str(tmp_path / "cache"))
    monkeypatch.setattr(settings, "MONAI_LABEL_DICOMWEB_SEARCH_FILTER", {})
    scan(tmp_path / "bad", change=change, series_uid="1.2.3.5")
    scan(tmp_path / "good", series_uid="1.2.3.6")
    cine = scan(tmp_path / "cine", array=np.zeros((1, 8, 8), np.uint8), series_uid="1.2.3.7", modality="US")
    (file,) = cine.iterdir()
    ds = dcmread(file)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    ds.NumberOfFrames, ds.PixelData = 5, bytes(5 * 64)
    ds.save_as(file)
    server = Orthanc(tmp_path / "orthanc")
    try:
        server.upload(tmp_path / "bad", tmp_path / "good", cine)
        store = DicomDatastore(server.dicomweb, NAMES)
        with pytest.raises(ValueError, match=words) as refused:
            store.get_image_uri("1.2.3.5")
        assert "1.2.3.5" in str(refused.value)
        assert "\n" not in str(refused.value)
        with pytest.raises(ValueError, match="it holds 5 frames and says of 0 where they lie"):
            store.get_image_uri("1.2.3.7")
        assert store.get_unlabeled_images() == ["1.2.3.6"]
    finally:
        server.stop()
