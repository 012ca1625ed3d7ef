"""The ranges of pyproject.toml hold the pins of requirements.txt, and extras those of requirements/."""

import json
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from scripts.core import BUNDLE, CONFIGS, version

ROOT = BUNDLE.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINNED = {"": "requirements.txt", "tracking": "requirements/tracking.txt", "deploy": "requirements/deploy.txt"}
PINNED |= {extra: f"requirements/{extra}.txt" for extra in ("tune", "dicom", "itk", "graphs", "microscopy", "czi")}


def pins(file):
    """The packages that a file pins, without those of the files that it includes."""
    return dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / file).read_text(), re.MULTILINE))


def ranges(extra):
    given = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    return {each.name: each.specifier for each in map(Requirement, given)}


@pytest.mark.parametrize("extra", list(PINNED))
def test_each_pin_lies_in_the_range_of_the_wheel(extra):
    pinned, allowed = pins(PINNED[extra]), ranges(extra)
    assert set(pinned) == set(allowed)
    for name, pin in pinned.items():
        assert allowed[name].contains(pin), name


def test_monai_label_fits_too():
    """Its environment has an older NumPy, which the ranges have to allow."""
    pinned = pins("requirements/monailabel.txt")
    for name, allowed in {**ranges(""), **ranges("monailabel")}.items():
        assert allowed.contains(pinned[name]), name


def test_the_bundles_metadata_states_the_pins():
    metadata = json.loads((CONFIGS / "metadata.json").read_text())
    stated = {
        **metadata["required_packages_version"],
        **{"monai": metadata["monai_version"], "torch": metadata["pytorch_version"]},
        "numpy": metadata["numpy_version"],
    }
    assert stated == pins("requirements.txt")


def test_the_version_is_stated_once():
    assert PROJECT["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version())


@pytest.mark.parametrize(("python", "fits"), [("3.10", False), ("3.11", True), ("3.13.1", True), ("3.14", False)])
def test_pythons(python, fits):
    assert SpecifierSet(PROJECT["requires-python"]).contains(python) == fits


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.json")), ids=lambda path: path.stem)
def test_configs_are_ascii(path):
    """MONAI opens them in the encoding of the system, which on Windows is not UTF-8."""
    path.read_text(encoding="ascii")
