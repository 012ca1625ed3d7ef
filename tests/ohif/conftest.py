import json
import os
import shutil
from pathlib import Path

import pytest

from scripts.commands.label import can_import
from scripts.monailabel import prepare_app
from tests.helpers.label_server import MODEL, LabelServer
from tests.ohif.orthanc import MISSING, Orthanc
from tests.ohif.scans import OBLIQUE, scan

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SOFTWARE_GRAPHICS = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
SHORT = {"iterations_per_epoch": 2, "batch_size": 1, "patience": 1}
AXIAL_STUDY, OBLIQUE_STUDY, UNEVEN_STUDY = "1.2.100", "1.2.200", "1.2.300"


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Where the screenshots go: OHIF_PICTURES, or a folder of the tests."""
    folder = Path(os.environ.get("OHIF_PICTURES") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory):
    if MISSING:
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("clinic")

    def of(study, patient):
        ids = {"StudyInstanceUID": study, "FrameOfReferenceUID": f"{study}.9", "series_uid": f"{study}.1"}
        return ids | {"PatientID": patient, "PatientName": f"Doe^{patient}"}

    def lies_uneven(ds, number):
        ds.ImagePositionPatient = [-20, 15, 30 + number**1.2]

    scan(folder / "axial", **of(AXIAL_STUDY, "axial"))
    scan(folder / "oblique", runs=OBLIQUE, modality="XA", **of(OBLIQUE_STUDY, "oblique"))
    scan(folder / "uneven", change=lies_uneven, **of(UNEVEN_STUDY, "uneven"))
    server = Orthanc(folder / "orthanc")
    server.upload(folder / "axial", folder / "oblique", folder / "uneven")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def server(orthanc, tmp_path_factory):
    """The server on Orthanc's images; what asks other hosts by the variables of a proxy, as `requests` does, fails."""
    folder = tmp_path_factory.mktemp("server")
    app = prepare_app(folder / "app", can_import("torchvision"))
    configs = app / "model" / MODEL / "configs"
    finetune, train = (json.loads((configs / name).read_text()) for name in ("finetune.json", "train.json"))
    (configs / "finetune.json").write_text(json.dumps(finetune | SHORT))
    # so few steps make nothing better, and the weights that a training began with would be kept, as they should
    handlers = train["train"]["handlers"]
    train["train"]["handlers"] = [each for each in handlers if each["_target_"] != "scripts.training.StartScores"]
    assert len(train["train"]["handlers"]) == len(handlers) - 1
    (configs / "train.json").write_text(json.dumps(train))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MONAI_LABEL_DICOMWEB_CACHE_PATH", str(folder / "cache"))
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            patch.setenv(name, "http://127.0.0.1:9")  # where nobody listens
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.1")
        server = LabelServer(orthanc.dicomweb, app, folder / "server.log")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="make test-ohif installs it")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", *SOFTWARE_GRAPHICS],
        )
        yield browser
        browser.close()
