"""The folder of a MONAI Label app, without MONAI Label: what is copied, what is kept, what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.monailabel import app as app_module
from scripts.monailabel import prepare_app, server_command, server_environment
from tests.helpers.bundle_command import BUNDLE, contents
from tests.helpers.label_app import found_monai_label


@pytest.fixture
def installed(tmp_path, monkeypatch):
    return found_monai_label(tmp_path / "prefix", monkeypatch)


def test_an_app_with_the_bundle_in_it(installed, tmp_path):
    app = prepare_app(tmp_path / "new" / "app", torchvision_works=True)
    bundle = app / "model" / "tubenet"
    assert "from scripts.monailabel.tubenet_app import TubeNetApp" in (app / "main.py").read_text()
    assert sorted(path.name for path in app.iterdir()) == ["main.py", "model"]
    for name in ("configs/train.json", "models/model.pt", "models/model.json", "scripts/io/reader.py"):
        assert (bundle / name).read_bytes() == (BUNDLE / name).read_bytes(), name
    assert not list(bundle.rglob("__pycache__"))
    assert [path.name for path in app.parent.iterdir()] == ["app"]


def test_torchvisions_missing_operators_are_defined_where_it_cannot_be_imported(installed, tmp_path):
    main = (prepare_app(tmp_path / "broken", torchvision_works=False) / "main.py").read_text()
    assert main.startswith("import torch\n")
    assert "torchvision::{name}" in main
    compile(main, "main.py", "exec")
    sound = (prepare_app(tmp_path / "sound", torchvision_works=True) / "main.py").read_text()
    assert main.endswith(sound)
    compile(sound, "main.py", "exec")


def test_an_app_is_left_as_it_is(installed, tmp_path, capsys):
    app = prepare_app(tmp_path / "app", torchvision_works=True)
    (app / "model" / "tubenet" / "models" / "model.pt").write_text("trained here")
    before = contents(app)
    prepare_app(app, torchvision_works=True)
    assert contents(app) == before
    assert not capsys.readouterr().out
    metadata = app / "model" / "tubenet" / "configs" / "metadata.json"
    metadata.write_text(json.dumps({"version": "0.0.1"}))
    prepare_app(app, torchvision_works=True)
    assert "keeps version 0.0.1 of the bundle" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["core/errors.py", "new.py"])
def test_an_app_with_other_scripts_of_the_same_version_says_so(installed, tmp_path, capsys, name):
    app = prepare_app(tmp_path / "app", torchvision_works=True)
    scripts = app / "model" / "tubenet" / "scripts"
    (scripts / "__pycache__").mkdir()
    (scripts / "__pycache__" / "x.pyc").write_bytes(b"compiled")
    prepare_app(app, torchvision_works=True)
    assert not capsys.readouterr().out
    with (scripts / name).open("a") as file:
        file.write("# as it was\n")
    prepare_app(app, torchvision_works=True)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{app}: keeps another copy of the bundle's scripts than this; for ")
    assert line.endswith("give another --app, and copy model/tubenet/models into it to keep what was trained")


def test_what_is_said_of_an_app_is_not_lost_when_the_server_starts(installed, tmp_path):
    app = prepare_app(tmp_path / "app", torchvision_works=True)
    (app / "model" / "tubenet" / "scripts" / "new.py").touch()
    program = "import os, sys; from scripts.monailabel import prepare_app; prepare_app(sys.argv[1], True); "
    words = [sys.executable, "-c", f"{program} os.execv('/bin/true', ['true'])", str(app)]
    environment = os.environ | {"PYTHONPATH": str(BUNDLE)}
    out = subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout
    assert "keeps another copy" in out


@pytest.mark.parametrize("given", ["{Modality: MR}", "[]", '"MR"', "null", "[" * 100_000])
def test_a_filter_of_series_that_is_none_is_refused(tmp_path, monkeypatch, given):
    monkeypatch.setenv("MONAI_LABEL_DICOMWEB_SEARCH_FILTER", given)
    with pytest.raises(ValueError, match=r'is not a JSON object; write such as {"Modality": "MR"}'):
        server_environment(tmp_path)
    monkeypatch.setenv("MONAI_LABEL_DICOMWEB_SEARCH_FILTER", " ")
    assert server_environment(tmp_path)["MONAI_LABEL_DICOMWEB_SEARCH_FILTER"] == "{}"


def test_an_app_that_ran_what_a_request_told_it_to_is_refused(installed, tmp_path):
    app = prepare_app(tmp_path / "app", torchvision_works=True)
    (app / "model" / "tubenet" / "scripts" / "monailabel" / "guard.py").unlink()
    with pytest.raises(
        FileExistsError, match="any request could run programs on this machine; give a new --app, and copy"
    ):
        prepare_app(app, torchvision_works=True)


def test_another_folder_is_refused(installed, tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match="holds something else than a MONAI Label app"):
        prepare_app(tmp_path / "app", torchvision_works=True)
    assert [path.name for path in (tmp_path / "app").iterdir()] == ["thesis.txt"]


def test_a_failure_leaves_nothing(installed, tmp_path, monkeypatch):
    monkeypatch.setattr(app_module, "CARRIED", ("configs", "no such folder"))
    with pytest.raises(OSError, match="cannot be written"):
        prepare_app(tmp_path / "app", torchvision_works=True)
    assert [path.name for path in tmp_path.iterdir()] == ["prefix"]


def test_without_monai_label(tmp_path, monkeypatch):
    monkeypatch.setattr(app_module, "find_spec", lambda name: None)
    with pytest.raises(
        FileNotFoundError, match="MONAI Label is not installed there; in an environment of its own, pip install"
    ):
        prepare_app(tmp_path / "app", torchvision_works=True)


def test_the_server_listens_to_this_machine_alone(tmp_path, monkeypatch):
    words = server_command(tmp_path / "my app", tmp_path / "my studies", 8123)
    start = ["monailabel.main", "start_server", "--uvicorn_app", "scripts.monailabel.server:app"]
    assert words[:6] == [sys.executable, "-m", *start]
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert words[words.index("--studies") + 1] == str(tmp_path / "my studies")
    monkeypatch.setenv("PYTHONPATH", "bundle")
    monkeypatch.setenv("TUBENET_TOKEN", "of another server")
    environment = server_environment(tmp_path / "my app")
    suffixes = json.loads(environment["MONAI_LABEL_DATASTORE_FILE_EXT"])
    assert suffixes.index("*.tif") < suffixes.index("*.ome.tif")
    assert {"*.tiff", "*.nii.gz"} <= set(suffixes)
    first, second = environment["PYTHONPATH"].split(os.pathsep)
    assert first == str(tmp_path / "my app" / "model" / "tubenet")
    assert [path.name for path in Path(second).glob("*.py")] == ["pydicom_seg.py"]
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert environment["TUBENET_HOST"] == "127.0.0.1"
    assert "TUBENET_TOKEN" not in environment
    assert environment["MONAI_LABEL_DICOMWEB_SEARCH_FILTER"] == "{}"
    monkeypatch.setenv("MONAI_LABEL_DICOMWEB_SEARCH_FILTER", '{"Modality": "MR"}')
    assert server_environment(tmp_path)["MONAI_LABEL_DICOMWEB_SEARCH_FILTER"] == '{"Modality": "MR"}'
