"""A process that is killed, by the system or by an impatient user, leaves what the next one goes on with."""

import signal
import subprocess
import sys

import numpy as np
import pytest

from scripts.io import read_volume
from tests.helpers.python_m import BUNDLE
from tests.inference.blockwise.test_segment import folder_run, stack

KILLED = """
import os, signal, sys
sys.path[:0] = [{root!r}, {bundle!r}]
from pathlib import Path
from scripts.io import BlockArray
from tests.inference.blockwise import test_segment
from scripts.inference.blockwise import results

where, after = {where!r}, {after}

def dies(function):
    calls = []
    def run(*args, **kwargs):
        name = args[0].path.name if where != "finish" else "finish"
        if name.startswith(where):
            calls.append(name)
            if len(calls) > after:
                os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return run

if where == "finish":
    results.write_streamed = dies(results.write_streamed)
else:
    BlockArray.write = dies(BlockArray.write)
test_segment.folder_run(Path({image!r}), Path({out!r}), "true")
"""


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_as_one_that_is_not(tmp_path):
    """While the network runs, while voxels are decided, in the midst of cleaning, and between two results."""
    image, out = stack(tmp_path / "a.tif"), tmp_path / "blocks"
    folder_run(image, tmp_path / "memory", "false")
    moments = [
        ("logits", 0),
        ("logits", 3),
        ("classes", 2),
        ("classes", 9),
        ("classes", 1),
        ("finish", 0),
        ("finish", 1),
    ]
    for where, after in moments:
        code = KILLED.format(
            root=str(BUNDLE.parent), bundle=str(BUNDLE), where=where, after=after, image=str(image), out=str(out)
        )
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert child.returncode == -signal.SIGKILL, (where, after, child.stderr[-2000:])
        assert not (out / "a_seg.tif").exists(), where
    folder_run(image, out, "true")
    assert sorted(path.name for path in out.iterdir()) == ["a_prob.tif", "a_seg.tif"]
    for name in ("a_prob.tif", "a_seg.tif"):
        np.testing.assert_allclose(read_volume(out / name)[1], read_volume(tmp_path / "memory" / name)[1], atol=1e-5)
