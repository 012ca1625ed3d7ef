"""The whole loop, as a clinician goes through it: segment, correct, train, segment again, and back."""

import json
import subprocess
import sys

import numpy as np
import pytest

from scripts.core import sha256
from scripts.io import read_volume, write_volume
from scripts.weights import read_sidecar
from tests.helpers.bundle_command import BUNDLE, contents
from tests.helpers.label_server import MODEL, ROOT, SUFFIXES


def same_volume(one, two):
    (info, voxels), (other, expected) = read_volume(one), read_volume(two)
    np.testing.assert_array_equal(voxels, expected)
    np.testing.assert_array_equal(info.affine, other.affine)
    assert (info.kind, info.dtype, info.unit, info.provenance) == (
        *(other.kind, other.dtype, other.unit),
        other.provenance,
    )
    return int(expected.sum())


def shipped(folder):
    return {path: kept for path, kept in contents(folder).items() if "__pycache__" not in path.parts}


def test_info_tells_of_model_options_and_images(server):
    info = server.ask("GET", "/info/").json()
    model = info["models"][MODEL]
    assert (model["type"], model["labels"], model["dimension"]) == ("segmentation", {"vessel": 1}, 3)
    config = model["config"]
    assert (config["overlap"], config["scale"], config["threshold"]) == (0.5, "auto", None)
    assert config["model_filename"] == ["model.pt"]
    assert MODEL in info["trainers"]
    assert {"random", "first", "unsure"} <= info["strategies"].keys()
    assert info["datastore"]["total"] == len(SUFFIXES)
    images = server.ask("GET", "/datastore/", params={"output": "all"}).json()["objects"]
    assert {name: image["image"]["ext"] for name, image in images.items()} == SUFFIXES


@pytest.mark.parametrize(("name", "suffix"), SUFFIXES.items(), ids=SUFFIXES.values())
def test_the_mask_is_the_command_lines(server, study, segment, tmp_path, name, suffix):
    image = study / "images" / f"{name}{suffix}"
    assert same_volume(server.mask(name, tmp_path), segment(image, tmp_path)) > 0


def test_a_viewer_may_ask_for_another_kind_of_file(server, tmp_path):
    same_volume(server.mask("b", tmp_path), server.mask("b", tmp_path, result_extension=".tiff", result_dtype="uint8"))
    assert server.mask("b", tmp_path, result_extension=".nrrd").read_bytes().startswith(b"NRRD")


def test_an_image_may_come_with_the_request(server, study, tmp_path):
    image = study / "images" / "b.tif"
    query = {"output": "image"}
    sent = server.ask("POST", f"/infer/{MODEL}", params=query, files={"file": (image.name, image.read_bytes())})
    assert sent.status_code == 200
    (tmp_path / "sent.tif").write_bytes(sent.content)
    same_volume(tmp_path / "sent.tif", server.mask("b", tmp_path))


def test_options_count_for_one_request(server, tmp_path):
    first = server.mask("a", tmp_path)
    usual = int(read_volume(first)[1].sum())

    def called(**options):
        path = server.mask("a", tmp_path, **options)
        return int(read_volume(path)[1].sum())

    assert called(threshold=1.0) == 0
    assert called(threshold="0.2") > called(threshold=0.4) > called(threshold="0.8") > 0
    assert called(overlap=0) != usual
    assert called(scale="0.5") == called(scale=0.5) != usual
    assert called() == called(threshold="", overlap="0.5", scale="auto", model_filename="none.pt") == usual


@pytest.mark.parametrize(
    "option", [{"threshold": "much"}, {"threshold": 2}, {"overlap": 1}, {"scale": 0}, {"model_filename": "../m.pt"}]
)
def test_a_option_that_is_none_is_refused(server, option):
    answer = server.infer("a", **option)
    assert answer.status_code == 400
    assert next(iter(option)) in answer.json()["detail"]


def test_label_train_segment_and_back(server, study, segment, tmp_path):
    """The labels hold 0 and 255; that of the TIFF comes as a viewer's NIfTI, placed elsewhere, drawn on some slices."""
    source, before = shipped(BUNDLE), server.weights()
    first = server.mask("c", tmp_path).rename(tmp_path / "first.ome.tif")
    assert server.submit("a", study / "labels" / "a.nii.gz").status_code == 200
    drawn = read_volume(study / "labels" / "b.tif")[1].astype(np.float32)
    drawn[:, :, 20:] = -1
    label = write_volume(tmp_path / "b.nii.gz", drawn, voxel_size=(1, 1, 1), unit="mm")
    assert server.submit("b", label).status_code == 200
    assert server.ask("GET", "/info/").json()["datastore"]["completed"] == 2
    assert server.ask("POST", "/activelearning/random", json={}).json()["id"] in {"c", "d"}
    unsure = server.ask("POST", "/activelearning/unsure", json={}).json()
    assert unsure["id"] in {"c", "d"}
    assert unsure["region"].count(":") == 3

    options = server.ask("GET", "/info/").json()["trainers"][MODEL]["config"]
    chosen = {name: value[0] if isinstance(value, list) else value for name, value in options.items()}
    task = server.trained(**{**chosen, "max_epochs": 2})  # 3D Slicer sends all that its table of options shows
    assert task["status"] == "DONE", task["details"]
    active, foundation = server.models / "model.pt", server.models / "model_foundation.pt"
    assert server.weights()[0] != before[0]
    assert (sha256(foundation), sha256(foundation.with_suffix(".json"))) == before
    sidecar = read_sidecar(active)
    assert sidecar["sha256"] == sha256(active)
    assert sidecar["finetuned_from"]["sha256"] == before[0]
    assert sidecar["trained_on"] == ["a", "b"]
    assert sidecar["tuned_share"] == 0.5
    assert (sidecar["label_values"], sidecar["label_names"]) == ([0, 255], ["background", "vessel"])
    assert sidecar["threshold"] not in (0.5, read_sidecar(foundation)["threshold"])

    bundle = server.app / "model" / MODEL
    again = server.mask("c", tmp_path)
    same_volume(again, segment(study / "images" / "c.ome.tif", tmp_path, bundle))
    assert (read_volume(again)[1] != read_volume(first)[1]).any()
    of_the_first = read_volume(server.mask("c", tmp_path, model_filename=foundation.name))
    assert of_the_first[0].provenance["weights"] == foundation.name
    np.testing.assert_array_equal(of_the_first[1], read_volume(first)[1])

    trained = server.weights()
    task = server.trained(max_epochs=1, model_filename=foundation.name)
    assert (task["status"], server.weights()) == ("ERROR", trained)
    assert "model.pt: training has to start from these weights" in task["details"][-1]

    task = server.trained(max_epochs=1)  # from what was trained first, and what was shipped is still kept
    assert task["status"] == "DONE", task["details"]
    assert read_sidecar(active)["finetuned_from"]["sha256"] == sidecar["sha256"]
    assert (sha256(foundation), sha256(foundation.with_suffix(".json"))) == before

    command = [sys.executable, "-m", "scripts", "restore-foundation", "--app", str(server.app)]
    subprocess.run(command, cwd=ROOT / "bundle", check=True, capture_output=True)
    assert server.weights() == before
    same_volume(server.mask("c", tmp_path), first)
    assert shipped(BUNDLE) == source
    assert json.loads((BUNDLE / "models" / "model.json").read_text())["sha256"] == before[0]
