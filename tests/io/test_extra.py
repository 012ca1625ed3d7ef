import sys
from pathlib import Path

import pytest

from scripts.io.extra import EXTRAS, extra_library, has_library
from tests.helpers.volume_examples import told

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


def test_what_is_installed_is_imported(monkeypatch):
    monkeypatch.setitem(EXTRAS, "json", "dicom")
    assert extra_library("json.decoder", Path("a.dcm")).JSONDecoder
    assert has_library("json")


@pytest.mark.parametrize("package", EXTRAS)
def test_what_is_not_installed_is_named_with_its_extra(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    assert not has_library(package)
    with pytest.raises(ValueError, match=f"takes {package}, which is not installed") as error:
        extra_library(package, Path("a.x"))
    told(error, "a.x", f"pip install 'tubenet[{EXTRAS[package]}]'")


def test_what_is_missing_of_a_library_is_named(tmp_path, monkeypatch):
    (tmp_path / "half.py").write_text("import nowhere_to_be_found")
    (tmp_path / "broken.py").write_text("raise RuntimeError('too old')")
    monkeypatch.syspath_prepend(tmp_path)
    for package, words in {"half": "takes half with nowhere_to_be_found,", "broken": "RuntimeError: too old"}.items():
        monkeypatch.setitem(EXTRAS, package, "itk")
        with pytest.raises(ValueError, match=words) as error:
            extra_library(package, Path("a.x"))
        told(error, "a.x")
        assert not has_library(package)


@pytest.mark.parametrize("extra", sorted(set(EXTRAS.values())))
def test_an_extra_is_a_file_of_requirements_with_its_libraries(extra):
    text = (REQUIREMENTS / f"{extra}.txt").read_text().lower()
    for package in (package for package, of in EXTRAS.items() if of == extra):
        distribution = {"vtkmodules": "vtk"}.get(package, package)
        assert f"\n{distribution.lower().replace('_', '-')}==" in text
    assert f"\n-r {extra}.txt" in (REQUIREMENTS / "dev.txt").read_text()
