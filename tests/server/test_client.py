"""MONAI Label's own client, which 3D Slicer's module uses, through the loop on NIfTI."""

from pathlib import Path

import numpy as np
from monailabel.client import MONAILabelClient

from scripts.io import read_volume
from tests.helpers.label_server import MODEL, SUFFIXES

IMAGE = "a"  # the NIfTI of the study


def test_segment_submit_train_and_segment_again(server, study, tmp_path):
    client = MONAILabelClient(server.url, tmpdir=str(tmp_path), client_id="slicer")
    assert not client.auth_enabled()
    info = client.info()
    assert list(info["models"]) == list(info["trainers"]) == [MODEL]
    assert client.next_sample("first", {})["id"] == min(SUFFIXES)

    def segmented():
        file, told = client.infer(MODEL, IMAGE, {"device": "cpu", "result_extension": ".nii.gz"})
        assert told["label_names"] == {"vessel": 1}
        found, voxels = read_volume(Path(tmp_path) / Path(file).name)
        expected, _ = read_volume(study / "images" / "a.nii.gz")
        np.testing.assert_allclose(found.affine, expected.affine, atol=1e-6)
        return voxels

    before, weights = segmented(), server.weights()
    assert 0 < np.count_nonzero(before) < before.size / 2
    label = study / "labels" / "a.nii.gz"
    assert client.save_label(IMAGE, str(label), "final")["label"] == IMAGE
    assert client.next_sample("first", {})["id"] != IMAGE
    assert "final" in client.datastore()["objects"][IMAGE]["labels"]
    client.train_start(MODEL, {"device": "cpu", "max_epochs": 1})
    server._wait(lambda: client.train_status()["status"] not in ("SUBMITTED", "RUNNING"), "the training")
    assert client.train_status()["status"] == "DONE", client.train_status()["details"][-3:]
    assert server.weights() != weights
    assert segmented().shape == before.shape
