"""`python -m bench`: one case measured for real, and the tables by hand."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bundle_command import BUNDLE

from bench.table import comparison, table

ROOT = Path(__file__).resolve().parents[1]


def bench(*words):
    environment = os.environ | {"PYTHONPATH": str(BUNDLE), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "bench", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def result(gigaflops, seconds, peak):
    """One case of 2 GFLOP and 3 million voxels on a machine of a given rate."""
    limits = {"matrix product, float32": gigaflops * 1e9, "matrix product, bfloat16": 4e9 * gigaflops}
    figures = {"seconds": seconds, "median": sorted(seconds)[1], "flop": 2e9, "voxels": 3e6, "peak_bytes": peak * 2**30}
    cases = {"forward: a, float32": figures, "forward: a, bfloat16": figures}
    return {"before": limits, "after": limits, "cases": cases}


def test_a_table_sets_the_rate_beside_that_of_the_machine():
    rows = table(result(10, [0.4, 0.5, 0.8], 1.5)).splitlines()
    assert "| matrix product, float32, GFLOP/s | 10.0 | 10.0 |" in rows
    # 2 GFLOP in 0.5 s are 4 GFLOP/s, of 10 and of 40
    assert "| forward: a, float32 | 0.5 | 0.4 to 0.8 | 6 million voxels/s | 40% | 1.50 |" in rows
    assert "| forward: a, bfloat16 | 0.5 | 0.4 to 0.8 | 6 million voxels/s | 10% | 1.50 |" in rows


def test_a_comparison_takes_the_machine_s_rates_into_account():
    """Twice as fast on a machine twice as fast is no gain."""
    rows = comparison(result(10, [1, 1, 1], 2), result(20, [0.5, 0.5, 0.5], 1)).splitlines()
    assert "| forward: a, float32 | 1 | 0.5 | 2.00× | 1.00× | 2.00 to 1.00 |" in rows


def test_one_case(tmp_path):
    done = bench("measure", "--output_path", tmp_path / "a.json", "--only", "start: python")
    assert done.returncode == 0, done.stderr
    (name, figures), *others = json.loads((tmp_path / "a.json").read_text())["cases"].items()
    assert (name, others) == ("start: python", [])
    assert min(figures["seconds"]) <= figures["median"] <= max(figures["seconds"])
    assert figures["peak_bytes"] > 2**20
    assert "| start: python |" in done.stdout
    again = bench("compare", tmp_path / "a.json", tmp_path / "a.json")
    assert "1.00×" in again.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["measure", "--only", "xyzzy"], "no case holds that"),
        (["measure", "--onyl", "start: python"], "did you mean --only?"),
        (["compare", "none.json", "none.json"], "error: none.json: No such file"),
    ],
)
def test_what_is_refused(words, told):
    done = bench(*words)
    assert done.returncode != 0
    assert told in done.stderr
    assert not (ROOT / "bench.json").exists()
