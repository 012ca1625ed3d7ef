"""The manifest, the version, and the sample volume."""

import tomllib
from pathlib import Path

import numpy as np
from npe2 import PluginManifest
from tubenet_napari import writer

from scripts.commands.suggest import add
from scripts.core import version
from scripts.io import READ_SUFFIXES

HERE = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
MANIFEST = PluginManifest.from_file(HERE / "tubenet_napari" / "napari.yaml")


def test_the_version_is_that_of_the_bundle():
    assert PROJECT["version"] == version()


def test_what_is_not_labelled_has_one_value_in_all_files():
    assert writer.NOT_LABELLED == add.NOT_LABELLED


def test_the_manifest_is_valid_and_its_commands_are_there():
    MANIFEST.validate_imports()


def test_the_reader_is_asked_about_all_that_the_bundle_reads():
    patterns = {pattern.removeprefix("*") for pattern in MANIFEST.contributions.readers[0].filename_patterns}
    assert {suffix for suffix in READ_SUFFIXES if not any(suffix.endswith(each) for each in patterns)} == set()


def test_the_sample_is_the_volume_of_the_demo(viewer, tmp_path, monkeypatch):
    monkeypatch.setenv("TUBENET_SESSIONS", str(tmp_path))
    (layer,) = viewer.open_sample("tubenet-napari", "demo")
    assert layer.data.shape == (64, 128, 160)
    np.testing.assert_allclose(layer.scale, (2, 1, 1))
