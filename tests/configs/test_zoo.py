"""What the checks of MONAI's model zoo ask of a bundle, where it is not asked elsewhere: files, licences, the card.

That metadata fit their schema, shapes are as stated and the version has an entry is in `test_configs.py`, that the
weights become TorchScript in `test_exporting.py`, and what workflows must define in `test_workflows.py`.
"""

import hashlib
import json
import re
import subprocess

import pytest
import yaml
from monai.bundle.properties import InferProperties, MetaProperties

from tests.helpers.bundle_command import BUNDLE

LARGEST = 25e6  # bytes of one file in the zoo's repository
HASHES = ("md5", "sha1", "sha256", "sha512")
SECTIONS = {
    "Overview": "layers of two",
    "Data": "docs/data_license.txt",
    "Performance": "Dice",
    "Training": "steps",
    "Commands": "monai.bundle run --config_file configs/inference.json",
    "Limits": "Not a medical device",
    "References": "tUbe net",
    "Licences": "Apache-2.0",
}
IN_OVERVIEW = {"**Input.**", "**Output.**"}
APP_KEYS = "bundle_root device network_def inferer output_dir"


def metadata():
    return json.loads((BUNDLE / "configs" / "metadata.json").read_text())


def tracked():
    """The bundle's files as they are handed on: those that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=BUNDLE, capture_output=True, check=True).stdout
    return [BUNDLE / name for name in listed.decode().split("\0") if name]


def large_files():
    return yaml.safe_load((BUNDLE / "large_files.yml").read_text())["large_files"]


def refused_large_file(entry):
    """Why an entry of large_files.yml is none, or nothing."""
    if not {"path", "url"} <= entry.keys() <= {"path", "url", "hash_val", "hash_type"}:
        return f"keys {sorted(entry)}"
    if not re.fullmatch(r"https://\S+", entry["url"] or ""):
        return f"url {entry['url']!r}"
    if ".." in entry["path"].split("/") or entry["path"].startswith("/"):
        return f"path {entry['path']!r}"
    if ("hash_val" in entry) != ("hash_type" in entry):
        return "a hash without its type, or a type without its hash"
    if "hash_type" in entry:
        if entry["hash_type"] not in HASHES:
            return f"hash_type {entry['hash_type']!r}"
        if len(entry["hash_val"]) != 2 * hashlib.new(entry["hash_type"]).digest_size:
            return f"hash_val {entry['hash_val']!r}"
    return ""


def test_files_that_a_bundle_must_have_are_there():
    for name in ("configs/metadata.json", "LICENSE", "configs/inference.json", "docs/README.md"):
        assert BUNDLE / name in tracked(), name
    given = {BUNDLE / entry["path"] for entry in large_files()}
    assert (BUNDLE / "models" / "model.pt") in {*tracked(), *given}
    assert (BUNDLE / "docs" / "data_license.txt").read_text().strip()


def test_nothing_else_lies_in_the_bundle():
    places = {path.relative_to(BUNDLE).parts[0] for path in tracked()}
    assert places == {"LICENSE", "configs", "docs", "large_files.yml", "models", "scripts"}


def test_files_are_small_enough_or_are_fetched():
    entries = large_files()
    assert [refused_large_file(entry) for entry in entries] == [""] * len(entries)
    paths = [entry["path"] for entry in entries]
    assert len(set(paths)) == len(paths)
    for file in tracked():
        assert file.stat().st_size < LARGEST, file
        assert str(file.relative_to(BUNDLE)) not in paths


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"hash_val": "0" * 64, "hash_type": "sha256"}, ""),
        ({"url": None}, "url None"),
        ({"url": ""}, "url ''"),
        ({"path": "../model.pt"}, "path"),
        ({"hash_val": "0" * 64}, "a hash without its type"),
        ({"hash_val": "0" * 32, "hash_type": "sha256"}, "hash_val"),
        ({"hash_val": "0" * 8, "hash_type": "crc32"}, "hash_type"),
        ({"sha256": "0" * 64}, "keys"),
    ],
)
def test_an_entry_of_a_large_file_that_is_none_would_be_found(change, why):
    """There is none yet that the test above could fail on."""
    found = refused_large_file({"path": "models/model.pt", "url": "https://example.org/model.pt", **change})
    assert found.startswith(why)
    assert bool(found) == bool(why)


def test_licence_is_apache_and_the_same_for_code_and_bundle():
    text = (BUNDLE / "LICENSE").read_text()
    assert re.search(r"Apache License\s+Version 2\.0, January 2004", text)
    assert text == (BUNDLE.parent / "LICENSE").read_text()
    assert "Apache-2.0" in metadata()["copyright"]


def test_versions_go_up_one_line_each():
    """Newest first, and each told; the zoo refuses a version twice."""
    found = metadata()
    versions = [tuple(map(int, version.split("."))) for version in found["changelog"]]
    assert all(len(version) == 3 for version in versions)
    assert versions == sorted(set(versions), reverse=True)
    assert found["version"] == next(iter(found["changelog"]))
    assert all(entry.strip() for entry in found["changelog"].values())


def test_metadata_name_what_the_zoo_shows():
    found = metadata()
    for name in ("name", "task", "description", "authors", "copyright", "intended_use", "data_source", "data_type"):
        assert isinstance(found[name], str), name
        assert found[name].strip(), name
    assert found["references"]
    required = [item["id"] for item in MetaProperties.values() if item["required"]]
    for path in required:
        value = {"_meta_": found}
        for key in path.split("::"):
            value = value[key]
    assert not {"optional_packages_version"} & found.keys()  # the older name of required_packages_version


def test_packages_are_named_with_a_version_each():
    for name, version in metadata()["required_packages_version"].items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
        assert re.fullmatch(r"\d+(\.\d+)+", version), name


def test_inference_defines_what_apps_ask_for():
    config = json.loads((BUNDLE / "configs" / "inference.json").read_text())
    assert set(APP_KEYS.split()) <= config.keys()
    for item in InferProperties.values():
        value = config
        for key in item["id"].split("::") if item["required"] else []:
            value = value[key]


def test_no_config_or_text_names_a_place_of_somebodys_machine():
    for file in tracked():
        if file.suffix in (".json", ".md", ".txt", ".yml", ".conf"):
            assert not re.search(r"(/home/|/Users/|/workspace/|[A-Z]:\\)", file.read_text()), file


def sections():
    card = (BUNDLE / "docs" / "README.md").read_text()
    assert card.startswith("# Model card: tubenet\n")
    return dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", card, flags=re.MULTILINE | re.DOTALL))


def test_the_card_has_the_sections_of_the_zoo_in_its_order():
    found = sections()
    assert list(found) == list(SECTIONS)
    for title, words in SECTIONS.items():
        assert words in found[title], title
    assert set(re.findall(r"\*\*[A-Z][\w ]+\.\*\*", found["Overview"])) >= IN_OVERVIEW
    assert "ckpt_export" in found["Commands"]


def test_commands_and_files_that_the_card_names_exist():
    """As seen from inside the bundle; where its links lead is in `tests/docs/test_links.py`."""
    card = re.sub(r"\]\([^)\s]+\)", "", (BUNDLE / "docs" / "README.md").read_text())
    named = set(re.findall(r"(?:configs|models|scripts|docs)/[\w/]+\.(?:json|pt|py|txt|md)", card))
    assert {"configs/inference.json", "configs/inference_trt.json", "models/model.json"} <= named
    assert not {name for name in named if not (BUNDLE / name).is_file()}
