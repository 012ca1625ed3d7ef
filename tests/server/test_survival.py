"""What goes wrong in a server, and that its weights are whole after each."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from scripts.io import read_volume, write_volume
from tests.helpers.label_server import MODEL


@pytest.fixture(autouse=True)
def weights_stay(server):
    """Whatever a test does, the active weights are the same, and the server answers."""
    before = server.weights()
    yield
    assert server.weights() == before
    # the first holds the shipped weights in int8
    assert sorted(path.name for path in server.models.iterdir()) == ["model.int8.zip", "model.json", "model.pt"]
    assert server.infer("a").status_code == 200


def test_training_without_labels(server):
    task = server.trained(max_epochs=1)
    assert task["status"] == "ERROR"
    assert "no image has a label to learn from" in task["details"][-1]


@pytest.mark.parametrize("name", ["broken.nii.gz", "broken.tif"])
def test_a_broken_image(server, study, name):
    whole = study / "images" / ("a.nii.gz" if name.endswith("gz") else "b.tif")
    content = {"file": (name, whole.read_bytes()[:2000])}
    said = len(server.log.read_text())
    answer = server.ask("POST", f"/infer/{MODEL}", params={"output": "image"}, files=content)
    line = answer.json()["detail"]  # the reader's own refusal, and not some other failure
    assert (answer.status_code, line.count("\n"), "; " in line) == (400, 0, True)
    server.has_said(f"refused: {line}", since=said)
    assert "Traceback" not in server.log.read_text()[said:]


@pytest.mark.parametrize("image", ["none", "../a", "../../app/model/tubenet/models/model", ".."])
def test_an_unknown_image(server, study, image):
    label = study / "labels" / "a.nii.gz"
    around = {path for path in server.studies.parent.rglob("*") if "labels" in path.parts or path.suffix == ".gz"}
    status = 404 if image == "none" else 400
    assert server.infer(image).status_code == status
    assert server.submit(image, label).status_code == status
    after = {path for path in server.studies.parent.rglob("*") if "labels" in path.parts or path.suffix == ".gz"}
    assert after == around


def test_two_inferences_at_once(server, tmp_path):
    folders = [tmp_path / str(number) for number in range(2)]
    for folder in folders:
        folder.mkdir()
    expected = read_volume(server.mask("a", tmp_path))[1]
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(
            lambda folder, options: server.mask("a", folder, **options), folders, ({}, {"threshold": 1})
        )
    assert (read_volume(one)[1] == expected).all()
    assert not read_volume(two)[1].any()


def test_inference_during_a_training_that_is_cancelled(server, study, tmp_path):
    expected = server.mask("a", tmp_path).read_bytes()
    assert server.submit("a", study / "labels" / "a.nii.gz").status_code == 200
    assert server.start_training(max_epochs=500).status_code == 200
    server.training_has_begun()
    assert server.mask("a", tmp_path).read_bytes() == expected
    assert server.start_training(max_epochs=1).status_code == 429  # one at a time
    stopped = server.ask("DELETE", "/train/")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "STOPPED")
    assert server.mask("a", tmp_path).read_bytes() == expected


def test_a_label_that_does_not_fit(server, study, tmp_path):
    """No volume, an image given as a label, another size: training ends in one line that names the file."""
    small = tmp_path / "a.nii.gz"
    write_volume(small, np.ones((8, 8, 8), np.uint8))
    image = study / "images" / "a.nii.gz"
    for content, told in (
        (b"no label", "export it again"),
        (image.read_bytes(), "looks like an image"),
        (small.read_bytes(), "has (8, 8, 8) voxels"),
    ):
        assert server.submit_bytes("a", content, "a.nii.gz").status_code == 200
        line = server.trained(max_epochs=1)["details"][-1]
        assert line.startswith("error: ")
        assert "a.nii.gz: " in line
        assert told in line
    assert server.submit("a", study / "labels" / "a.nii.gz").status_code == 200
