"""Series of a real DICOMweb server as volumes, and what persons stored there as labels."""

import stat
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("monailabel", reason="make test-label runs this, in the environment of MONAI Label")

from monailabel.config import settings
from monailabel.interfaces.exception import ImageNotFoundException
from pydicom import dcmread

from scripts.io import read_header, read_volume, write_volume
from scripts.monailabel.dicomweb import catalogue, datastore
from scripts.monailabel.dicomweb.datastore import DicomDatastore, write_segmentation
from tests.ohif.orthanc import MISSING, Orthanc
from tests.ohif.scans import OBLIQUE, SIZE, scan

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

NAMES = ["background", "vessel"]
MR, XA, LACKING, SECOND = "1.2.7.1", "1.2.8.1", "1.2.9.1", "1.2.7.2"


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Two series of one study, one of another kind and direction, one that lacks a slice, and a plain radiograph."""
    folder = tmp_path_factory.mktemp("scans")

    def of(study):
        return {"StudyInstanceUID": f"1.2.{study}", "FrameOfReferenceUID": f"1.2.{study}.9", "PatientID": f"P{study}"}

    scan(folder / MR, series_uid=MR, **of(7))
    scan(folder / SECOND, series_uid=SECOND, step=2.0, **of(7))
    scan(folder / XA, runs=OBLIQUE, modality="XA", series_uid=XA, **of(8))
    scan(folder / LACKING, series_uid=LACKING, **of(9))
    next(file for file in (folder / LACKING).iterdir() if dcmread(file).InstanceNumber == 9).unlink()
    scan(folder / "1.2.10.1", series_uid="1.2.10.1", modality="DX", **of(10))
    return folder


@pytest.fixture
def orthanc(scans, tmp_path):
    server = Orthanc(tmp_path / "orthanc")
    server.upload(*scans.iterdir())
    yield server
    server.stop()


@pytest.fixture
def store(orthanc, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "MONAI_LABEL_DICOMWEB_CACHE_PATH", str(tmp_path / "cache"))
    monkeypatch.setattr(settings, "MONAI_LABEL_DICOMWEB_SEARCH_FILTER", {})
    monkeypatch.setattr(catalogue, "MAX_AGE", 0.0)  # of this module: MONAI Label imports the app's anew
    return DicomDatastore(orthanc.dicomweb, NAMES)


def mask(*at):
    array = np.zeros(SIZE[::-1], np.uint8)  # X, Y, Z
    for index in at:
        array[index] = 1
    return array


def label_file(scans, path, array, image=MR):
    return write_volume(path, array.astype(np.float32), affine=read_header(scans / image).affine, unit="mm")


def test_every_volume_is_listed_and_read_as_from_its_folder(store, scans):
    assert sorted(store.list_images()) == sorted([MR, SECOND, XA, LACKING])
    for image in (MR, SECOND, XA):
        (info, voxels), (expected, values) = read_volume(store.get_image_uri(image)), read_volume(scans / image)
        np.testing.assert_array_equal(voxels, values)
        np.testing.assert_allclose(info.affine, expected.affine, atol=1e-4)
    assert store.get_image_info(XA)["StudyInstanceUID"] == "1.2.8"
    with pytest.raises(ImageNotFoundException):
        store.get_image_uri("1.2.10.1")


def test_other_kinds_are_listed_where_they_are_chosen(store, monkeypatch):
    monkeypatch.setattr(settings, "MONAI_LABEL_DICOMWEB_SEARCH_FILTER", {"Modality": "DX"})
    assert store.list_images() == ["1.2.10.1"]


def test_a_series_that_is_no_volume_is_named_and_the_rest_goes_on(store):
    with pytest.raises(ValueError, match=f"{LACKING}: a slice is missing: between .* lie 2.4 mm"):
        store.get_image_uri(LACKING)
    assert sorted(store.get_unlabeled_images()) == sorted([MR, SECOND, XA])
    assert LACKING in store.list_images()


def test_ours_is_no_label_and_the_latest_of_a_persons_is(store, orthanc, scans, tmp_path):
    label = label_file(scans, tmp_path / "l.nii.gz", mask((3, 4, 5)))
    write_segmentation(tmp_path / "ours.dcm", label, scans / MR, NAMES)
    orthanc.upload(tmp_path / "ours.dcm")
    assert store.get_labeled_images() == []
    assert store.datalist() == []
    later = []
    for number, at in enumerate([(3, 4, 5), (6, 7, 8)]):
        label = label_file(scans, tmp_path / f"{number}.nii.gz", mask(at))
        write_segmentation(tmp_path / f"{number}.dcm", label, scans / MR, NAMES, corrected=True)
        orthanc.upload(tmp_path / f"{number}.dcm")
        assert store.get_labeled_images() == [MR]
        assert MR not in store.get_unlabeled_images()
        (pair,) = store.datalist()
        info, voxels = read_volume(pair["label"])
        assert np.argwhere(voxels).tolist() == [list(at)]
        np.testing.assert_allclose(info.affine, read_header(pair["image"]).affine, atol=1e-5)
        later.append(pair)
        time.sleep(1.1)  # DICOM's times of day are whole seconds in some programs
    orthanc.upload(tmp_path / "ours.dcm")
    assert store.datalist() == later[1:]


def test_a_submitted_label_is_stored_as_a_persons(store, orthanc, scans, tmp_path):
    partly = mask((3, 4, 5)).astype(np.float32)
    partly[:, :, 10:] = -1
    label = label_file(scans, tmp_path / "l.nii.gz", partly, XA)
    assert store.save_label(XA, str(label), "final", {}) == XA
    (stored,) = orthanc.stored("SEG")
    ds = dcmread(orthanc.file(stored, tmp_path / "seg.dcm"))
    assert [each.SegmentAlgorithmType for each in ds.SegmentSequence] == ["SEMIAUTOMATIC"] * 2
    assert [each.SegmentLabel for each in ds.SegmentSequence] == ["vessel", "unlabelled"]
    kinds = [each.SegmentedPropertyTypeCodeSequence[0].CodeMeaning for each in ds.SegmentSequence]
    assert kinds == ["Blood Vessel", "Background"]
    (pair,) = store.datalist()
    _, voxels = read_volume(pair["label"])
    np.testing.assert_array_equal(voxels, partly)


def test_a_label_of_other_voxels_is_refused_and_another_goes_on(store, orthanc, scans, tmp_path):
    label = label_file(scans, tmp_path / "l.nii.gz", mask((3, 4, 5)), SECOND)
    with pytest.raises(ValueError, match=f"lies on other voxels than {MR}"):
        store.save_label(MR, str(label), "final", {})
    assert not orthanc.stored("SEG")
    write_segmentation(tmp_path / "right.dcm", label, scans / SECOND, NAMES, corrected=True)
    ds = dcmread(tmp_path / "right.dcm")
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID[:-3]
    ds.SeriesInstanceUID = ds.SeriesInstanceUID[:-3]
    ds.ReferencedSeriesSequence[0].SeriesInstanceUID = MR  # whose slices lie elsewhere
    ds.save_as(tmp_path / "wrong.dcm")
    orthanc.upload(tmp_path / "right.dcm", tmp_path / "wrong.dcm")
    (pair,) = store.datalist()
    assert pair["image"].endswith(f"{SECOND}.nii.gz")


def test_one_that_is_down_is_one_line(store, orthanc):
    orthanc.stop()
    with pytest.raises(OSError, match=f"{orthanc.dicomweb}: cannot be reached, or breaks off; check"):
        store.list_images()


def test_user_and_password(scans, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "MONAI_LABEL_DICOMWEB_CACHE_PATH", str(tmp_path / "cache"))
    server = Orthanc(tmp_path / "orthanc", AuthenticationEnabled=True, RegisteredUsers={"me": "secret"})
    try:
        with pytest.raises(OSError, match=r"does not let this server in \(it answers 401\)"):
            DicomDatastore(server.dicomweb, NAMES, {}).list_images()
        known = {"MONAI_LABEL_DICOMWEB_USERNAME": "me", "MONAI_LABEL_DICOMWEB_PASSWORD": "secret"}
        assert DicomDatastore(server.dicomweb, NAMES, known).list_images() == []
    finally:
        server.stop()


def test_a_series_that_was_still_being_sent_is_read_again(store, orthanc, scans, tmp_path):
    files = sorted(scan(tmp_path / "1.2.7.3", series_uid="1.2.7.3", StudyInstanceUID="1.2.7").iterdir())
    files.sort(key=lambda file: dcmread(file).InstanceNumber)
    orthanc.upload(*files[:10], *files[11:14])  # which lacks one
    with pytest.raises(ValueError, match=r"series 1\.2\.7\.3: a slice is missing: .*; store it complete on the server"):
        store.get_image_uri("1.2.7.3")
    assert "1.2.7.3" not in store.get_unlabeled_images()
    orthanc.upload(files[10])
    assert "1.2.7.3" in store.get_unlabeled_images()
    assert store.refused == {}
    short = read_volume(store.get_image_uri("1.2.7.3"))[0]
    assert short.shape == (*SIZE[:0:-1], 14)
    part = write_volume(tmp_path / "part.nii.gz", np.ones(short.shape, np.float32), affine=short.affine, unit="mm")
    store.save_label("1.2.7.3", str(part), "final", {})
    orthanc.upload(*files[14:])
    info, voxels = read_volume(store.get_image_uri("1.2.7.3"))
    expected, values = read_volume(tmp_path / "1.2.7.3")
    np.testing.assert_array_equal(voxels, values)
    assert info.shape == expected.shape == SIZE[::-1]
    (pair,) = store.datalist()  # its label too is made anew, on all slices
    assert read_volume(pair["label"])[1].shape == SIZE[::-1]


def test_a_series_that_is_sent_in_part_is_not_kept(store, orthanc):
    store.list_images()
    store._catalogue.counts[MR] += 1  # as where a slice is deleted between the two requests
    with pytest.raises(OSError, match=f"series {MR}: the server sends 24 of its 25 images; try again"):
        store._download("1.2.7", MR, store._folder(MR))
    assert not store._folder(MR).exists()


def test_requests_at_once_for_a_new_series(store, monkeypatch):
    monkeypatch.setattr(catalogue, "MAX_AGE", 600.0)  # so that nothing else makes one wait for another
    store.list_images()
    with ThreadPoolExecutor(6) as pool:
        paths = list(pool.map(store.get_image_uri, [MR, MR, MR, MR, SECOND, SECOND]))
    assert paths[0] == paths[1] == paths[2] == paths[3]
    assert {read_volume(path)[0].shape for path in paths} == {SIZE[::-1]}


def test_nobody_else_can_look_into_what_is_kept(store):
    folder = store._folder(MR).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)  # as an earlier version made it
    datastore.make_private(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_image_whose_label_is_left_out_is_offered_again(store, orthanc, scans, tmp_path):
    label = label_file(scans, tmp_path / "l.nii.gz", mask((3, 4, 5)))
    write_segmentation(tmp_path / "liver.dcm", label, scans / MR, ["background", "liver"], corrected=True)
    ds = dcmread(tmp_path / "liver.dcm")
    ds.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeValue = "10200004"  # SNOMED CT: the liver
    ds.save_as(tmp_path / "liver.dcm")
    orthanc.upload(tmp_path / "liver.dcm")
    assert store.get_labeled_images() == [MR]  # as far as is known
    assert store.datalist() == []
    assert store.get_labeled_images() == []
    assert MR in store.get_unlabeled_images()
    write_segmentation(tmp_path / "right.dcm", label, scans / MR, NAMES, corrected=True)
    orthanc.upload(tmp_path / "right.dcm")
    assert store.get_labeled_images() == [MR]
    assert len(store.datalist()) == 1
    assert MR not in store.get_unlabeled_images()
