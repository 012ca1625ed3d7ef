"""A clinician's loop by mouse: list, open, segment, correct, export, train, segment again."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from pydicom import dcmread
from scipy.ndimage import binary_dilation

from scripts.core import sha256
from scripts.io import read_header, read_segments, read_volume
from tests.helpers.label_server import MODEL
from tests.ohif.conftest import AXIAL_STUDY, OBLIQUE_STUDY, UNEVEN_STUDY
from tests.ohif.scans import OBLIQUE, SAGITTAL, SIZE, scan, tubes
from tests.ohif.viewer import Viewer, lies_on

SERIES = f"{AXIAL_STUDY}.1"
DIRECTIONS = {"reversed": {"step": -1.2}, "sagittal": {"runs": SAGITTAL}, "slanting": {"runs": OBLIQUE}}


@pytest.fixture(scope="module")
def viewer(server, browser, pictures):
    return Viewer(browser, server.url, pictures)


def voxels_of(orthanc, server, folder, name, series=SERIES):
    """The vessel voxels of the segmentation that was stored under a name, `(X, Y, Z)`, its header, and its file."""
    stored = (orthanc.file(each, folder / f"{number}.dcm") for number, each in enumerate(orthanc.stored("SEG")))
    path = next(path for path in stored if dcmread(path).SeriesDescription == name)
    slices = next(server.app.parent.glob(f"cache/*/{series}"))
    (segment,) = read_segments(path, read_header(slices))
    return segment.voxels, dcmread(path), path


def test_the_loop(viewer, server, orthanc, tmp_path):
    page = viewer.page
    viewer.list_studies()
    viewer.picture("list")
    viewer.open("axial")
    viewer.scroll(7)
    viewer.connect()
    before = viewer.viewports()
    viewer.run()
    viewer.picture("segmented")
    after = viewer.viewports()
    for plane, overlaid in zip(before, after, strict=True):
        covered, on_vessels = lies_on(plane, overlaid)
        assert covered > 0.9
        assert on_vessels > 0.8
    _, direct = read_volume(server.mask(SERIES, tmp_path))

    viewer.brush(0.25, 0.6)
    viewer.picture("corrected")
    assert (np.abs(viewer.viewports()[0] - after[0]).sum(axis=2) > 25).any()
    assert server.ask("GET", "/info/").json()["datastore"]["completed"] == 0
    assert viewer.export("corrected") == 200
    viewer.picture("exported")
    voxels, header, path = voxels_of(orthanc, server, tmp_path, "corrected")
    assert header.SegmentSequence[0].SegmentLabel == "vessel"
    assert header.ReferencedSeriesSequence[0].SeriesInstanceUID == SERIES
    truth = tubes().transpose(2, 1, 0) > 0.5  # (X, Y, Z)
    assert (voxels & truth).sum() / truth.sum() > 0.95
    near = binary_dilation(truth, iterations=4)
    np.testing.assert_array_equal(voxels[near], direct[near] > 0)  # the dab lies elsewhere
    assert (voxels[~near] & (direct[~near] == 0)).any()
    check_with_dcmqi(path, voxels, tmp_path)
    server._wait(lambda: server.ask("GET", "/info/").json()["datastore"]["completed"] == 1, "the label to be found")

    active = server.models / "model.pt"
    shipped, weights = server.weights(), torch.load(active, weights_only=True)
    viewer.learn()
    page.get_by_role("button", name="Update Model").click()
    viewer.picture("training")
    server._wait(lambda: server.task()["status"] not in ("SUBMITTED", "RUNNING"), "the training")
    told = server.task()
    assert told["status"] == "DONE", told["details"][-5:]
    assert all(one != other for one, other in zip(server.weights(), shipped, strict=True))
    trained = torch.load(active, weights_only=True)
    assert any(not torch.equal(trained[name], weights[name]) for name in weights)
    assert (server.models / "model_foundation.pt").is_file()
    viewer.tools()
    viewer.learn()
    page.get_by_role("button", name="Update Model").wait_for()  # it says so that the training is over

    viewer.run()
    viewer.picture("segmented_again")
    covered, _ = lies_on(before[0], viewer.viewports()[0])
    assert covered > 0.5
    _, again = read_volume(server.mask(SERIES, tmp_path))
    assert (again != direct).any()
    page.get_by_role("button", name="Next Sample").click()
    page.get_by_text("Active Learning - Next Sample").wait_for()
    viewer.picture("next_sample")
    assert page.get_by_text(f"{OBLIQUE_STUDY}.1").count()  # the other is no volume, the first has its label

    assert not viewer.foreign
    assert not viewer.blocked


@pytest.mark.parametrize(("name", "how"), DIRECTIONS.items(), ids=DIRECTIONS)
def test_an_export_lies_where_it_was_seen(name, how, viewer, server, orthanc, tmp_path):
    """Whichever way the slices run; the export of OHIF as it comes turns some of them upside down."""
    study = f"1.2.{400 + list(DIRECTIONS).index(name)}"
    ids = {"StudyInstanceUID": study, "FrameOfReferenceUID": f"{study}.9", "series_uid": f"{study}.1"}
    orthanc.upload(scan(tmp_path / name, **how, **ids, PatientID=name, PatientName=f"Doe^{name}"))
    viewer.list_studies()
    viewer.open(name)
    viewer.connect()
    viewer.run()
    _, direct = read_volume(server.mask(f"{study}.1", tmp_path))
    viewer.tools()
    assert viewer.export(name) == 200
    voxels, _, _ = voxels_of(orthanc, server, tmp_path, name, f"{study}.1")
    np.testing.assert_array_equal(voxels, direct > 0)
    assert not np.array_equal(voxels, voxels[:, :, ::-1])


def test_the_answer_as_dicom_is_what_other_programs_read(server, tmp_path):
    series = f"{OBLIQUE_STUDY}.1"
    form = {"params": (None, json.dumps({"device": "cpu", "label_info": []}))}
    answer = server.ask("POST", f"/infer/{MODEL}", params={"image": series, "output": "dicom_seg"}, files=form)
    assert answer.status_code == 200, answer.text
    path = tmp_path / "answer.dcm"
    path.write_bytes(answer.content)
    _, direct = read_volume(server.mask(series, tmp_path))
    _, voxels = read_volume(path)  # by highdicom
    np.testing.assert_array_equal(voxels, direct)
    check_with_dcmqi(path, voxels, tmp_path)
    told = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False).stderr
    assert "Segmentation" in told
    assert not [line for line in told.splitlines() if line.startswith("Error")]
    (segment,) = dcmread(path).SegmentSequence
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "59820001"  # SNOMED CT: blood vessel
    (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
    assert sha256(server.models / "model.pt")[:16] in algorithm.AlgorithmVersion


def check_with_dcmqi(path, voxels, folder):
    """Read a segmentation with dcmqi's own program, and compare the number of voxels."""
    pytest.importorskip("dcmqi", reason="make test-ohif installs it")
    words = ["--inputDICOM", path, "--outputDirectory", folder, "--outputType", "nii", "--prefix", "dcmqi"]
    program = f"{sys.prefix}/bin/segimage2itkimage"
    subprocess.run([program, *map(str, words)], check=True, capture_output=True)
    import nibabel

    found = np.asarray(nibabel.load(folder / "dcmqi-1.nii.gz").dataobj)
    assert np.count_nonzero(found) == np.count_nonzero(voxels)
    assert found.shape == SIZE[::-1]


def test_a_series_that_is_no_volume_is_one_line_and_the_server_goes_on(server):
    answer = server.infer(f"{UNEVEN_STUDY}.1")
    assert answer.status_code == 400
    assert re.search(r"its slices are not equally spaced: between \S+ and \S+ lie", answer.json()["detail"])
    assert server.infer(f"{OBLIQUE_STUDY}.1").status_code == 200
