"""A clinician's loop by mouse: list, open, segment, correct, export, train, segment again."""

import subprocess
import sys

import numpy as np
import pytest
from pydicom import dcmread

from scripts.core import sha256
from scripts.io import read_header, read_segments
from tests.ohif.conftest import AXIAL_STUDY, OBLIQUE_STUDY
from tests.ohif.scans import SIZE, tubes
from tests.ohif.viewer import Viewer, lies_on

SERIES = f"{AXIAL_STUDY}.1"


@pytest.fixture(scope="module")
def viewer(server, browser, pictures):
    return Viewer(browser, server.url, pictures)


def voxels_of(orthanc, server, folder):
    """The vessel voxels of the latest stored segmentation, `(X, Y, Z)`, and its header."""
    path = orthanc.file(orthanc.stored("SEG")[-1], folder / "stored.dcm")
    slices = next(server.app.parent.glob(f"cache/*/{SERIES}"))
    (segment,) = read_segments(path, read_header(slices))
    return segment.voxels, dcmread(path), path


def test_the_loop(viewer, server, orthanc, tmp_path):
    page = viewer.page
    viewer.list_studies()
    viewer.picture("list")
    viewer.open("axial")
    viewer.picture("open")
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

    viewer.brush(0.25, 0.6)
    viewer.picture("corrected")
    assert (np.abs(viewer.viewports()[0] - after[0]).sum(axis=2) > 25).any()
    assert server.ask("GET", "/info/").json()["datastore"]["completed"] == 0
    assert viewer.export("corrected") == 200
    viewer.picture("exported")
    voxels, header, path = voxels_of(orthanc, server, tmp_path)
    assert (header.SeriesDescription, header.SegmentSequence[0].SegmentLabel) == ("corrected", "vessel")
    assert header.ReferencedSeriesSequence[0].SeriesInstanceUID == SERIES
    truth = tubes().transpose(2, 1, 0) > 0.5  # (X, Y, Z)
    assert (voxels & truth).sum() / truth.sum() > 0.95
    check_with_dcmqi(path, voxels, tmp_path)
    server._wait(lambda: server.ask("GET", "/info/").json()["datastore"]["completed"] == 1, "the label to be found")

    weights = sha256(server.models / "model.pt")
    viewer.connect()
    page.get_by_text("Active Learning").first.click()
    page.get_by_role("button", name="Update Model").click()
    viewer.picture("training")
    server._wait(lambda: server.task()["status"] not in ("SUBMITTED", "RUNNING"), "the training")
    told = server.task()
    assert told["status"] == "DONE", told["details"][-5:]
    assert sha256(server.models / "model.pt") != weights
    assert (server.models / "model_foundation.pt").is_file()

    viewer.run()
    viewer.picture("segmented_again")
    covered, _ = lies_on(before[0], viewer.viewports()[0])
    assert covered > 0.5
    page.get_by_role("button", name="Next Sample").click()
    page.get_by_text("Active Learning - Next Sample").wait_for()
    viewer.picture("next_sample")
    assert page.get_by_text(f"{OBLIQUE_STUDY}.1").count()  # the other is no volume, the first has its label

    assert not viewer.foreign
    assert not viewer.blocked


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


def test_a_series_that_is_no_volume_says_so(viewer, server):
    viewer.list_studies()
    viewer.open("uneven")
    viewer.connect()
    viewer.run("Failed to Run Segmentation")
    viewer.picture("refused")
    assert "its slices are not equally spaced: between" in server.log.read_text()
    assert not viewer.foreign
