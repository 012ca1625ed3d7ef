"""`python -m bench`: one case measured for real, and the tables by hand."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from ignite.engine import Engine, Events
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from bench import stages
from bench.table import comparison, table
from tests.helpers.bundle_command import BUNDLE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(python_m):
    return lambda *words: python_m("bench", *words, cwd=ROOT, environment={"PYTHONPATH": str(BUNDLE)})


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


@pytest.mark.slow
def test_one_case(bench, tmp_path):
    done = bench("measure", "--output_path", tmp_path / "a.json", "--only", "start: python")
    assert done.status == 0, done.stderr
    (name, figures), *others = json.loads((tmp_path / "a.json").read_text())["cases"].items()
    assert (name, others) == ("start: python", [])
    assert min(figures["seconds"]) <= figures["median"] <= max(figures["seconds"])
    assert figures["peak_bytes"] > 2**20
    assert "| start: python |" in done.stdout
    again = bench("compare", tmp_path / "a.json", tmp_path / "a.json")
    assert "1.00×" in again.stdout


@pytest.mark.slow
def test_gradients_of_two_steps_are_sound(bench):
    done = bench("gradients", "--steps", "2", "--every", "1")
    assert done.status == 0, done.stderr
    assert "shipped, 2 steps of 2: 0 gradients not finite" in done.stdout
    smallest = float(done.stdout.split("smallest ")[1].split(",")[0])
    assert 0.999 < smallest < 1  # at 1 nothing would have been rounded


def test_stages_are_the_times_between_events(monkeypatch):
    clock = iter([3.0, 4.0, 6.0, 7.0, 9.0])  # at the start, then after reading and after work, twice
    monkeypatch.setattr(stages, "time", SimpleNamespace(time=lambda: next(clock)))
    engine = Engine(lambda *_: None)
    handler = stages.Stages(
        {Events.STARTED: "start", Events.GET_BATCH_COMPLETED: "read", Events.ITERATION_COMPLETED: "work"}, started=1.0
    )
    handler.attach(engine)
    engine.run([0, 0])
    assert handler.seconds == {"start": 2.0, "read": 2.0, "work": 4.0}


def test_a_bar_is_as_long_as_its_stage(tmp_path):
    """In each of two bars, three quarters are of the first colour, a quarter of the second."""
    stages._draw(tmp_path / "a.png", {"four seconds": {"one": 3.0, "two": 1.0}, "eight": {"one": 6.0, "two": 2.0}})
    picture = imread(tmp_path / "a.png")[..., :3]
    first, second = ((abs(picture - to_rgb(colour)).max(axis=2) < 0.02).sum() for colour in ("C0", "C1"))
    assert 2.5 < first / second < 3.5  # letters and the legend take and give a little


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["measure", "--only", "xyzzy"], "is in the name of no case"),
        (["gradients", "--network", "shiped"], "--network shiped: is not known; give one of shipped, published"),
        (["gradients", "--steps", "0"], "whole numbers of at least 1"),
        (["picture", "--output_path", "a.xyz"], "a.xyz: is not the name of a PNG"),
        (["picture", "--side", "abc"], "--side abc: is not a whole number"),
        (["measure", "--onyl", "start: python"], "did you mean --only?"),
        (["compare", "pyproject.toml", "pyproject.toml"], "pyproject.toml: cannot be read as JSON"),
        (["case", "start: pyhton"], "start: pyhton: there is no such case; did you mean start: python?"),
        (
            ["compare", "none.json", "none.json"],
            "error: none.json: no such file; give a file that python -m bench measure wrote",
        ),
    ],
)
def test_what_is_refused(words, message, bench):
    done = bench(*words)
    assert done.status != 0
    assert message in done.stderr
    assert not (ROOT / "bench.json").exists()
