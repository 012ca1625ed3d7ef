"""Attacks on a running server, which worked before requests were checked, are refused."""

import io
import json
import tarfile

import pytest

from tests.helpers.label_server import MODEL

FORM = "application/x-www-form-urlencoded"


def refused(answer, status=400):
    """Whether an answer is one line that refuses."""
    assert answer.status_code == status, answer.text[:200]
    line = answer.json()["detail"]
    assert "\n" not in line
    assert status != 400 or "; " in line
    return line


def left(folder):
    """Every file there is, but for logs and locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".log", ".lock", ".pyc"))
    return {path: path.read_bytes() for path in files if path.name != ".lock"}


@pytest.fixture
def mark(tmp_path):
    """A file that code in a request would make; it must not be there at the end."""
    path = tmp_path / "ran"
    yield path
    assert not path.exists()


@pytest.fixture(autouse=True)
def nothing_changes(server):
    """No request changes a file of the server, its images or its app, or shows a traceback."""
    before = left(server.studies.parent)
    yield
    assert left(server.studies.parent).keys() == before.keys()
    changed = [path.name for path, content in left(server.studies.parent).items() if content != before[path]]
    assert not [name for name in changed if name != "datastore_v2.json"]
    assert "Traceback" not in server.log.read_text()


def codes(mark):
    """Values that a config would run."""
    text = f"$__import__('os').system('touch {mark}')"
    return text, [text], {"_target_": "os.system", "command": f"touch {mark}"}, "@bundle_root"


@pytest.mark.parametrize("name", ["overlap", "scale", "threshold", "model_filename", "device", "result_extension", "x"])
def test_no_value_of_a_segmentation_is_run(server, mark, name):
    for code in codes(mark):
        assert name in refused(server.infer("a", **{name: code}))
        refused(server.ask("POST", f"/batch/infer/{MODEL}", json={"device": "cpu", name: code}))
        refused(server.ask("POST", "/activelearning/first", json={name: code}))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "max_epochs",
            "device",
            "tracking",
            "tracking_uri",
            "tracking_experiment_name",
            "tracking_run_name",
            "run_id",
        ),
        *("val_split", "pretrained", "multi_gpu", "gpus", "model_filename"),
        *("bundle_path", "model", "train#trainer#max_epochs"),
    ],
)
def test_no_value_of_a_training_is_run(server, mark, name):
    for code in codes(mark):
        body = {"device": "cpu", "tracking": "mlflow", name: code}
        for path in (f"/train/{MODEL}", f"/train/{MODEL}?run_sync=true", "/train/"):
            assert name in refused(server.ask("POST", path, json=body))
        refused(server.ask("POST", "/train/", json={MODEL: body}))
    assert server.ask("GET", "/train/").status_code == 404  # none was ever begun


@pytest.mark.parametrize(
    "origin", ["http://evil.test", "null", "http://127.0.0.1:{other}", "http://localhost:{port}", "https://evil.test"]
)
def test_a_page_of_another_site_gets_nothing(server, mark, origin):
    headers = {"Origin": origin.format(port=server.port, other=server.port + 1)}
    harmless, code = {"params": "{}"}, {"params": json.dumps({"overlap": codes(mark)[0]})}
    for body in (harmless, code):
        answer = server.ask("POST", f"/infer/{MODEL}?image=a", data=body, headers=headers | {"Content-Type": FORM})
        refused(answer, 403)
        assert not [name for name in answer.headers if name.startswith("access-control")]
    for type_ in ("text/plain", "application/json", None):
        refused(server.ask("POST", f"/train/{MODEL}", data=b"{}", headers=headers | {"Content-Type": type_}), 403)
    for method, path in (("GET", "/info/"), ("DELETE", "/train/"), ("OPTIONS", f"/train/{MODEL}"), ("GET", "/none")):
        asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        refused(server.ask(method, path, headers=headers | asks), 403)


def test_a_foreign_name_that_leads_here_gets_nothing(server):
    for host in ("evil.test", f"evil.test:{server.port}", f"192.0.2.1:{server.port}"):
        refused(server.ask("GET", "/info/", headers={"Host": host, "Origin": f"http://{host}"}), 403)
        refused(server.ask("GET", "/ohif/", headers={"Host": host}), 403)


def test_its_own_pages_get_all(server):
    for name in ("127.0.0.1", "localhost"):
        headers = {
            "Host": f"{name}:{server.port}",
            "Origin": f"http://{name}:{server.port}",
            "Sec-Fetch-Site": "same-origin",
        }
        assert server.ask("GET", "/info/", headers=headers).status_code == 200
        assert server.ask("POST", "/activelearning/first", json={}, headers=headers).status_code == 200
    assert "OHIF" in server.ask("GET", "/ohif/").text


@pytest.mark.parametrize("name", ["../{}", "../../{}", "/tmp/{}", "..", "labels/final/{}", "a/../../{}"])
def test_no_name_leads_out_of_the_folder_of_images(server, study, name):
    name = name.format("x")
    file = {"file": ("x.nii.gz", (study / "labels" / "a.nii.gz").read_bytes())}
    label = {"label": file["file"]}
    for path in ("/datastore/", "/datastore/image"):
        refused(server.ask("PUT", path, params={"image": name}, files=file))
        refused(server.ask("DELETE", path, params={"id": name}))
    refused(server.ask("PUT", "/datastore/label", params={"image": name}, files=label))
    refused(server.ask("PUT", "/datastore/label", params={"image": "a", "tag": name}, files=label))
    refused(server.ask("DELETE", "/datastore/label", params={"id": "a", "tag": name}))
    for path in ("/datastore/image", "/datastore/image/info"):
        refused(server.ask("GET", path, params={"image": name}))
    refused(server.ask("GET", "/datastore/label", params={"label": name, "tag": "final"}))
    refused(server.infer("a", save_label=True, label_tag=name))
    refused(server.ask("POST", f"/batch/infer/{MODEL}", json={"label_tag": name}))


def test_files_that_are_no_images_are_not_kept(server):
    for name in ("x.html", "x.svg", "x.nii.gz.html", "x"):
        refused(server.ask("PUT", "/datastore/image", params={"image": "x"}, files={"file": (name, b"<script>")}))
        refused(server.submit_bytes("a", b"<script>", name))


def test_nothing_is_written_through_a_link(server, study, tmp_path):
    link = server.studies / "link.nii.gz"
    link.symlink_to(tmp_path / "elsewhere.nii.gz")
    file = {"file": ("x.nii.gz", (study / "labels" / "a.nii.gz").read_bytes())}
    refused(server.ask("PUT", "/datastore/image", params={"image": "link"}, files=file))
    link.unlink()
    assert not (tmp_path / "elsewhere.nii.gz").exists()


def test_an_image_is_read_from_the_folder_of_images_alone(server, study, tmp_path):
    outside = study / "images" / "a.nii.gz"
    for path in (outside, server.studies / ".." / "a.nii.gz", "/etc/passwd", f"{server.studies}2/a.nii.gz"):
        assert "does not lie in" in refused(server.infer(str(path)))
        params = {"params": json.dumps({"image": str(path)})}
        refused(server.ask("POST", f"/infer/{MODEL}", params={"image": "a"}, data=params))
    assert server.infer(str(server.studies / "a.nii.gz")).status_code == 200
    assert "is not in" in refused(server.infer("README.md"), 404)  # which lies where the server was started


def test_sessions_are_its_own(server, study, tmp_path):
    (tmp_path / "session").mkdir()
    for image in (
        "/nowhere",
        str(study / "images" / "a.nii.gz"),
    ):  # MONAI Label removes the first, and reads the second
        (tmp_path / "session" / "meta.info").write_text(json.dumps({"image": image}))
        session = "../" * 20 + str(tmp_path / "session").lstrip("/")
        refused(server.ask("POST", f"/infer/{MODEL}", params={"session_id": session}, data={"params": "{}"}))
    assert (tmp_path / "session" / "meta.info").is_file()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../" * 20 + str(tmp_path / "unpacked").lstrip("/")))
    files = {"files": ("x.tar", archive.getvalue())}
    refused(server.ask("PUT", "/session/", params={"uncompress": "true"}, files=files))
    assert not (tmp_path / "unpacked").exists()
    image = {"files": ("a.nii.gz", (study / "images" / "a.nii.gz").read_bytes())}
    made = server.ask("PUT", "/session/", files=image).json()["session_id"]
    query = {"session_id": made, "output": "image"}
    assert server.ask("POST", f"/infer/{MODEL}", params=query, data={"params": '{"device": "cpu"}'}).status_code == 200
    assert server.ask("DELETE", f"/session/{made}").status_code == 200
