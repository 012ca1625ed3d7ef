"""The wheel holds the bundle and one import package, and its command runs from any folder."""

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile

from scripts.core import BUNDLE, version

ROOT = BUNDLE.parent
SOURCES = ("pyproject.toml", "README.md", "LICENSE", ".gitignore", "requirements.txt", "CHANGELOG.md", "CITATION.cff")
LEFT_BY_RUNS = ("bundle/output/a_seg.tif", "bundle/checkpoints/model_best.pt", "bundle/models/model.onnx")

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None, reason="builds wheels with hatchling, which requirements/dev.txt has"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A copy of the sources in which the bundle has been run, and the wheel and sdist that it makes."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    for folder in ("tubenet", "bundle"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__", "output", "eval"))
    for name in (*LEFT_BY_RUNS, "bundle/scripts/__pycache__/x.pyc"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).touch()
    build(source, out, "-t", "wheel", "-t", "sdist")
    return out


def build(source, out, *targets):
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out), *targets]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def wheel_in(folder):
    return next(folder.glob("*.whl"))


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {each.filename: each.CRC for each in archive.infolist()}


def test_it_holds_one_package_with_the_bundle_inside(built):
    files = set(contents(wheel_in(built)))
    assert {name.split("/")[0] for name in files} == {"tubenet", f"tubenet-{version()}.dist-info"}
    page = {path.relative_to(BUNDLE).as_posix() for path in (BUNDLE / "scripts/report/page/templates").iterdir()}
    assert page
    for name in (
        *page,
        "configs/train.json",
        "configs/logging.conf",
        "models/model.pt",
        "models/model.json",
        "LICENSE",
    ):
        assert f"tubenet/bundle/{name}" in files
    code = {path.relative_to(BUNDLE) for path in (BUNDLE / "scripts").rglob("*.py")}
    assert {f"tubenet/bundle/{path.as_posix()}" for path in code} <= files


def test_what_git_ignores_stays_out(built):
    files = contents(wheel_in(built))
    assert not [name for name in files if "__pycache__" in name or name.replace("tubenet/", "", 1) in LEFT_BY_RUNS]


def test_an_sdist_builds_the_same_wheel(built, tmp_path):
    shutil.unpack_archive(next(built.glob("*.tar.gz")), tmp_path, filter="data")
    build(next(tmp_path.iterdir()), tmp_path, "-t", "wheel")
    assert contents(wheel_in(tmp_path)) == contents(wheel_in(built))


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """An environment with the wheel, which sees the packages that the tests run on; its folder of programs."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    python = programs / Path(sys.executable).name
    said = subprocess.run(
        [python, "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True
    )
    packages = {str(Path(importlib.util.find_spec(name).origin).parents[1]) for name in ("torch", "monai", "pip")}
    Path(said.stdout.strip(), "tests.pth").write_text("\n".join(packages))
    constraints = str(ROOT / "requirements.txt")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "-c", constraints, wheel_in(built)], check=True)
    return programs


def run(program, *words, cwd):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run([program, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_command_segments_from_another_folder(installed, bundle, tmp_path):
    """As `monai.bundle run` does; the user's own `scripts` is neither imported nor in the way."""
    stack = np.random.default_rng(0).integers(0, 200, (9, 33, 34), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "stack.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    (tmp_path / "scripts.py").write_text("raise SystemExit('the user\\'s own scripts')")
    done = run(installed / "tubenet", "segment", "stack.tif", "--patch_size", "32,32,32", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"result: {tmp_path / 'stack_seg.tif'}"
    options = {"dataset_dir": tmp_path / "stack.tif", "output_dir": tmp_path / "out", "patch_size": "[32,32,32]"}
    bundle.run("inference", **options).ok()
    result = tifffile.imread(tmp_path / "stack_seg.tif")
    assert result.shape == stack.shape
    assert np.array_equal(result, tifffile.imread(tmp_path / "out" / "stack_seg.tif"))


def test_nobody_else_sees_the_bundles_scripts(installed, tmp_path):
    python = installed / Path(sys.executable).name
    done = run(python, "-c", "import tubenet, scripts.core", cwd=tmp_path)  # some packages bring a `scripts` without it
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'scripts.core'"
    (tmp_path / "scripts.py").write_text("raise SystemExit('the user\\'s own scripts')")
    assert run(python, "-m", "tubenet", "--version", cwd=tmp_path).stdout == f"tubenet {version()}\n"
