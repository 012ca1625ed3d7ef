"""Some thousand spoilt inputs, always the same ones; and that the runner finds what it is there to find."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from scripts.core import UserError, refuse
from tests.fuzz.__main__ import tell
from tests.fuzz.properties import Case, told
from tests.fuzz.runner import Runner
from tests.fuzz.targets import TARGETS, share
from tests.helpers.bundle_command import BUNDLE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bounds on memory are Linux's")

CASES = 400  # of each target; make fuzz tries as many as there is time for
SEED = 0


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What came of each target, in a process that forks for the cases."""
    folder = tmp_path_factory.mktemp("fuzz")
    how = ["--cases", str(CASES), "--seed", str(SEED), "--json", folder / "all.json", "--findings", folder / "findings"]
    environment = os.environ | {"PYTHONPATH": str(BUNDLE), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.fuzz", *map(str, how)]
    done = subprocess.run(command, cwd=BUNDLE.parent, env=environment, capture_output=True, text=True, check=False)
    assert (folder / "all.json").exists(), done.stderr
    return json.loads((folder / "all.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_one_line_or_a_correct_result(results, target):
    counts, findings = results[target]["counts"], results[target]["findings"]
    assert not findings, "\n".join(map(tell, findings[:20]))
    assert sum(counts.values()) == share(target, CASES)
    assert min(counts["refused"], counts["correct"]) > share(target, CASES) // 50  # else half of it would not be tried


# -- the runner --------------------------------------------------------------------------------------------------------


def _says(*line):
    with told("a.tif"):
        refuse(*line)


def _raises(error):
    raise error


def _stores(folder):
    (folder / "a.tif").write_bytes(b"a")
    return folder / "a.tif"


WRONG = {
    "more memory": (lambda path: np.ones(2**27), "Unable to allocate"),
    "a loop": (lambda path: _forever(), "never ends"),
    "a crash": (lambda path: os.kill(os.getpid(), signal.SIGSEGV), "died (SIGSEGV)"),
    "any exception": (lambda path: [][0], "not one line"),
    "a full line": (lambda path: _raises(UserError("a.tif" * 1000)), "without end"),
    "no name": (lambda path: _says("a file", "is damaged", "copy it again"), "does not name"),
    "a file changed": (lambda path: path.write_bytes(b"b"), "in/a.tif"),
    "a file left": (lambda path: path.with_name("b.tif").touch(), "in/b.tif"),
    "a file elsewhere": (lambda path: open("c", "w").close(), "here/c"),
}


def _forever():
    while True:
        pass


@pytest.mark.parametrize("what", WRONG)
def test_what_goes_wrong_is_found(what, tmp_path):
    do, word = WRONG[what]

    def make(rng, folder):
        path = _stores(folder)

        def check():
            with told("a.tif"):
                do(path)

        return Case("nothing", check)

    runner = Runner("toy", make, 0, tmp_path, seconds=2)
    runner.run(range(2))
    assert runner.counts == {"refused": 0, "correct": 0, "finding": 2}
    assert all(word in f"{finding['kind']} {finding['text']}" for finding in runner.findings), runner.findings
    assert (tmp_path / "toy-0-1" / "a.tif").exists()


def test_a_line_and_a_result_are_no_finding():
    def make(rng, folder):
        path, refused = _stores(folder), rng.random() < 0.5
        return Case("nothing", lambda: _says(path, "is damaged", "copy it again") if refused else path.read_bytes())

    runner = Runner("toy", make, 0)
    runner.run(range(20))
    assert runner.counts == {
        "refused": runner.counts["refused"],
        "correct": 20 - runner.counts["refused"],
        "finding": 0,
    }
    assert 0 < runner.counts["refused"] < 20
    again = Runner("toy", make, 0)
    again.run(range(20))
    assert again.counts == runner.counts
