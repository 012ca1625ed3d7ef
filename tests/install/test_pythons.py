"""Other Pythons read the code, and one that is too old or lacks a package is told so in one line."""

import glob
import os
import shutil
import subprocess
import sys

import pytest

import scripts.__main__
from scripts.core import BUNDLE

ROOT = BUNDLE.parent
VERSIONS = ("3.11", "3.12", "3.13")


def python_of(version):
    """The path of an interpreter, or a skip."""
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    found = sorted(glob.glob(f"{root}/versions/{version}.*/bin/python")) or [shutil.which(f"python{version}")]
    if found[-1] is None:
        pytest.skip(f"Python {version} is not installed")
    return found[-1]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_code_is_read_without_a_warning(version, tmp_path):
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path)}
    command = [
        python_of(version),
        "-W",
        "error",
        "-m",
        "compileall",
        "-q",
        str(ROOT / "tubenet"),
        str(BUNDLE / "scripts"),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_a_package_that_is_missing_is_one_line(version):
    """`-S` leaves the packages of the environment out."""
    command = [python_of(version), "-S", "-m", "tubenet", "segment", "x.tif"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: numpy: is not installed for ")
    assert done.stderr.endswith("; install tubenet there, by pip, with all that it needs\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["segment", "x.tif"], ["outlines", "x.tif", "out"]])
def test_a_missing_pytorch_is_one_line(words, tmp_path):
    """It is needed only once what was typed has been checked."""
    (tmp_path / "x.tif").touch()
    script = "import sys; sys.modules['torch'] = None; from scripts.__main__ import main; main('tubenet')"
    environment = os.environ | {"PYTHONPATH": str(BUNDLE)}
    command = [sys.executable, "-c", script, *words]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: torch: is not installed for ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("version", ["3.6", "3.8", "3.10"])
@pytest.mark.parametrize(("program", "folder"), [("tubenet", ROOT), ("scripts", BUNDLE)])
def test_an_old_python_is_one_line(version, program, folder):
    done = subprocess.run(
        [python_of(version), "-m", program, "segment", "x.tif"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: Python {version}.")
    assert done.stderr.endswith(": is too old for tubenet; use Python 3.11 or later\n")


def test_what_an_old_python_is_told(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    with pytest.raises(SystemExit) as left:
        scripts.__main__.main()
    assert left.value.code == "error: Python 3.9.18: is too old for tubenet; use Python 3.11 or later"
