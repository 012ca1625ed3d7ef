"""The app without its server: no value is run, no name leads out of the folder of images."""

import json

import numpy as np
import pytest

pytest.importorskip("monailabel", reason="make test-label runs this, in the environment of MONAI Label")

from scripts.commands.label import can_import
from scripts.monailabel.app import MISSING_OPERATORS

if not can_import("torchvision"):
    exec(MISSING_OPERATORS)  # as the app's main.py does

from monailabel.config import settings
from monailabel.tasks.infer.bundle import BundleInferTask

from scripts.io import write_volume
from scripts.monailabel import prepare_app
from scripts.monailabel.tubenet_app import FolderDatastore, TubeNetApp

SUFFIXES = ["*.nii", "*.nii.gz"]


@pytest.fixture
def studies(tmp_path):
    (tmp_path / "studies").mkdir()
    write_volume(tmp_path / "studies" / "a.nii", np.zeros((4, 4, 4), np.uint8))
    return tmp_path / "studies"


@pytest.fixture
def store(studies):
    return FolderDatastore(str(studies), extensions=SUFFIXES)


@pytest.fixture
def app(studies, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "MONAI_LABEL_DATASTORE_FILE_EXT", SUFFIXES)
    monkeypatch.setattr(settings, "MONAI_LABEL_DATASTORE_AUTO_RELOAD", False)
    return TubeNetApp(str(prepare_app(tmp_path / "app", torchvision_works=True)), str(studies), {})


def test_images_and_labels_go_into_the_folder(store, studies):
    assert store.add_image("b", str(studies / "a.nii"), {}) == "b"
    store.save_label("b", str(studies / "a.nii"), "final", {})
    assert (studies / "labels" / "final" / "b.nii").is_file()
    assert store.place_of("b") == str(studies / "b.nii")
    store.remove_image("b")
    assert not (studies / "b.nii").exists()


@pytest.mark.parametrize("name", ["../b", "/tmp/b", "..", "b/../../c", "b\\c"])
def test_nothing_is_written_elsewhere(store, studies, name):
    before = sorted(studies.parent.rglob("*"))
    for request in (
        lambda: store.add_image(name, str(studies / "a.nii"), {}),
        lambda: store.save_label(name, str(studies / "a.nii"), "final", {}),
        lambda: store.save_label("a", str(studies / "a.nii"), name, {}),
        lambda: store.remove_image(name),
    ):
        with pytest.raises(ValueError, match=r"is not a plain name"):
            request()
    assert [path for path in sorted(studies.parent.rglob("*")) if path.name != ".lock"] == [
        path for path in before if path.name != ".lock"
    ]


def test_nothing_is_written_through_a_link(store, studies):
    (studies / "b.nii").symlink_to(studies.parent / "elsewhere.nii")
    (studies / "labels" / "final" / "a.nii").symlink_to(studies.parent / "elsewhere.nii")
    with pytest.raises(ValueError, match="does not lie in"):
        store.add_image("b", str(studies / "a.nii"), {})
    with pytest.raises(ValueError, match="does not lie in"):
        store.save_label("a", str(studies / "a.nii"), "final", {})
    assert not (studies.parent / "elsewhere.nii").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"labels_dir": "../elsewhere"}, "names other folders than . and labels"),
        ({"images_dir": "/"}, "names other folders than . and labels"),
        ({"objects": {"../b": {"image": {"ext": ".nii"}}}}, "is not a plain name"),
        ({"objects": {"a": {"image": {"ext": "/../../b.nii"}}}}, "is not a plain name"),
        ({"objects": {"a": {"image": {"ext": ".nii"}, "labels": {"../../x": {"ext": ".nii"}}}}}, "is not a plain name"),
        ({"objects": {"a": {"image": {"ext": ".nii"}, "labels": {"final": {"ext": "/../b"}}}}}, "is not a plain name"),
    ],
)
def test_a_list_of_images_that_leads_elsewhere_is_refused(store, studies, changes, told):
    path = studies / "datastore_v2.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ValueError, match=told):
        FolderDatastore(str(studies), extensions=SUFFIXES)
    store.refresh()  # while it runs, it keeps the list that it has
    assert store.list_images() == ["a"]


def test_an_unknown_image(store, app, studies, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"image none: is not in .*studies; GET /datastore/"):
        store.place_of("none")
    (studies.parent / "here.nii").write_bytes((studies / "a.nii").read_bytes())
    monkeypatch.chdir(studies.parent)
    with pytest.raises(FileNotFoundError, match=r"image here\.nii: is not in"):  # and not read where the server runs
        app.infer({"model": "tubenet", "image": "here.nii"})


@pytest.mark.parametrize("name", ["overlap", "scale", "threshold", "model_filename", "device"])
def test_the_app_itself_runs_no_value(app, tmp_path, name):
    for value in (
        code := f"$open({str(tmp_path / 'ran')!r}, 'w')",
        [code],
        {"_target_": "open", "file": code, "mode": "w"},
    ):
        with pytest.raises(ValueError, match="; "):
            app.infer({"model": "tubenet", "image": "a", name: value})
        with pytest.raises(ValueError, match="; "):
            app.train({"model": "tubenet", "max_epochs": value})
    assert not (tmp_path / "ran").exists()


def test_it_is_not_for_the_server_that_any_page_can_use(app):
    with pytest.raises(ValueError, match="is not for MONAI Label's own server; start it by python -m scripts label"):
        app.server_mode(True)
    app.guarded = True
    app.server_mode(True)


def test_in_an_app_of_monai_labels_own_the_bundle_runs_no_value(app, tmp_path):
    """It offers no options there, so MONAI Label writes none into the config."""
    task = BundleInferTask(app.bundle, {})
    assert "overlap" not in task.config()
    code = f"$open({str(tmp_path / 'ran')!r}, 'w')"
    data = dict.fromkeys(("overlap", "scale", "threshold", "model_filename"), code) | {"device": "cpu"}
    for _ in range(2):
        task.pre_transforms(data)
        task.inferer(data)
        task.post_transforms(data)
    assert not (tmp_path / "ran").exists()


def test_one_bad_image_of_a_batch_does_not_stop_the_others(app, studies, caplog):
    write_volume(studies / "c.nii", np.random.default_rng(0).integers(0, 255, (20, 20, 20)).astype(np.uint8))
    (studies / "b.nii").write_bytes((studies / "c.nii").read_bytes()[:400])  # cut short
    app.datastore().refresh()
    request = {"model": "tubenet", "images": ["b", "c"], "device": "cpu", "multi_gpu": False, "max_workers": 1}
    found = app.batch_infer(request)
    assert "b.nii" in found["b"]["error"]
    assert "error" not in found["c"]
    assert [path.name.split(".")[0] for path in (studies / "labels" / "original").iterdir()] == ["c"]
    assert "1 of 2 images could not be segmented: b (" in caplog.text
    with pytest.raises(ValueError, match="; "):  # what is wrong with all of them is told before
        app.batch_infer({**request, "overlap": "$1"})
