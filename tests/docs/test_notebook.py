"""The notebook of the first hour is run, cell by cell, in a kernel of its own, with a training of a few steps."""

import json
import os
import re
import sys

import pytest

from scripts.core import BUNDLE

ROOT = BUNDLE.parent
NOTEBOOK = ROOT / "docs" / "how-to" / "first-hour.ipynb"
MAX_BYTES = 300_000
SHORT = """
folder = Path("first-hour")
size = "64,48,12"
x0, x1, y0, y1 = 8, 40, 8, 40
epochs, steps = 1, 1
further = "--patch_size [32,32,32] --batch_size 1"
"""


@pytest.fixture
def cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def source(cell):
    return "".join(cell["source"])


def test_it_is_small_and_holds_nobodys_outputs(cells):
    assert NOTEBOOK.stat().st_size < MAX_BYTES
    for cell in cells:
        assert cell["cell_type"] != "code" or (cell["outputs"], cell["execution_count"]) == ([], None)


def test_its_parameters_are_those_that_the_test_shortens(cells):
    (parameters,) = [source(cell) for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    names = [re.findall(r"^([\w, ]+) =", text, re.M) for text in (parameters, SHORT)]
    assert names[0] == names[1]


@pytest.mark.slow
def test_it_runs_from_a_tiff_to_scores_of_what_was_learnt(tmp_path, monkeypatch):
    client = pytest.importorskip("nbclient", reason="requirements/dev.txt")
    pytest.importorskip("ipykernel", reason="requirements/dev.txt")
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = SHORT
    (tmp_path / "tubenet").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tubenet "$@"\n')
    (tmp_path / "tubenet").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    client.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()

    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "".join(output.get("text", "") for output in outputs)
    assert "error:" not in said.lower()
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 3
    folder = tmp_path / "first-hour"
    for which in ("before", "after"):
        assert (folder / which / "stack_seg.tif").is_file()
        scores = json.loads((folder / f"scores_{which}" / "metrics.json").read_text())["cases"]["stack"]
        (row,) = re.findall(r"^dice +([\d.]+) +([\d.]+)", said, re.M)
        assert row[which == "after"] == f"{scores['dice']:.3f}"
    assert row[0] != row[1]
