"""The Dockerfile as far as it can be checked without a daemon: what it copies exists, what it starts is the command."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from scripts.core import BUNDLE

ROOT = BUNDLE.parent
TEXT = (ROOT / "Dockerfile").read_text()
LINES = re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
INSTRUCTIONS = [line.split(None, 1) for line in LINES if line.strip()]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def of(instruction):
    return [rest for name, rest in INSTRUCTIONS if name == instruction]


def copied():
    """What is copied from the folder of the project."""
    return [source for rest in of("COPY") if "--from" not in rest for source in rest.split()[:-1]]


def is_sent(name):
    """Whether .dockerignore lets a file through, by its last line that matches it or a folder above."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip().removeprefix("!").removeprefix("**/")
        above = [Path(name), *Path(name).parents][:-1]
        if pattern and not line.startswith("#") and any(fnmatch(str(each), pattern) for each in above):
            sent = line.startswith("!")
    return sent


def test_what_is_copied_exists_and_is_sent():
    assert {"pyproject.toml", "tubenet", "bundle", "requirements.txt"} <= set(copied())
    for name in copied():
        assert (ROOT / name).exists(), name
        assert is_sent(name), name


@pytest.mark.parametrize("name", ["tests", ".git", "docs", "bundle/output/a.tif", "shared", "demo/dataset"])
def test_the_rest_is_not_sent(name):
    assert not is_sent(name)


def test_what_the_wheel_is_made_of_is_copied():
    project = PROJECT["project"]
    built = {*PROJECT["tool"]["hatch"]["build"]["only-include"], project["readme"], *project["license-files"]}
    assert built <= set(copied())


def test_it_starts_the_command():
    (entry,) = of("ENTRYPOINT")
    assert json.loads(entry)[0] in PROJECT["project"]["scripts"]


def test_its_python_is_one_that_is_supported():
    (version,) = re.findall(r"^ARG PYTHON=(\S+)$", TEXT, re.MULTILINE)
    assert f"Programming Language :: Python :: {version}" in PROJECT["project"]["classifiers"]


def test_it_installs_what_is_pinned():
    for line in of("RUN"):
        for command in re.findall(r"pip install [^;&]*", line):
            assert "--constraint /wheels/requirements.txt" in command


def test_the_linter_finds_nothing():
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}")
    if linter is None:
        pytest.skip("hadolint is not installed; requirements/dev.txt has it")
    done = subprocess.run([linter, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
