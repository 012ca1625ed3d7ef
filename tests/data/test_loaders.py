"""Workers are bounded, and none outlives a parent that was killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from monai.data import Dataset

from scripts.data import PatchLoader, VolumeLoader, loaders
from scripts.data.loaders import usable_workers

BUNDLE = Path(__file__).resolve().parents[2] / "bundle"
MAX_WAIT = 30  # seconds
LOADING = """
import os, sys, time
sys.path.insert(0, {bundle!r})
import scripts.data.loaders as loaders
if {portable}:
    loaders.sys.platform = "another"  # one whose kernel cannot be asked
class Slow:
    def __len__(self):
        return 4
    def __getitem__(self, index):
        print(os.getpid(), flush=True)
        time.sleep(1000)
for _ in loaders.{loader}(Slow(), num_workers=2):
    pass
"""


def lives(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes as Linux shows them")
@pytest.mark.parametrize(("loader", "portable"), [("PatchLoader", False), ("VolumeLoader", True)])
def test_workers_end_with_a_parent_that_is_killed(loader, portable):
    """In the middle of loading, where torch's own watchdog does not look."""
    code = LOADING.format(bundle=str(BUNDLE), loader=loader, portable=portable)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    workers = [int(process.stdout.readline()) for _ in range(2)]
    assert all(map(lives, workers))
    process.send_signal(signal.SIGKILL)
    process.wait()
    until = time.monotonic() + MAX_WAIT
    while any(map(lives, workers)):
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize(("asked", "started"), [(0, 0), (1, 1), (6, 6), (7, 6), (100_000, 6), (2**58, 6), (10**400, 6)])
def test_as_many_as_the_machine_can_use(asked, started, monkeypatch, caplog):
    monkeypatch.setattr(loaders, "_cpus", lambda: 3)
    assert usable_workers(asked) == started
    assert ("this machine has 3 CPUs, so 6 are started" in caplog.text) == (asked > 6)
    assert len(caplog.text) < 300


@pytest.mark.parametrize("asked", [-1, 1.5, True, "2", None])
def test_what_is_no_number_of_workers(asked):
    with pytest.raises(ValueError, match="is not a whole number of at least 0"):
        usable_workers(asked)


@pytest.mark.parametrize("loader", [PatchLoader, VolumeLoader])
def test_loaders_load(loader):
    assert loader(Dataset(list(range(5))), num_workers=1, batch_size=5).num_workers == 1
    assert next(iter(loader(Dataset(list(range(5))), num_workers=1, batch_size=5))).tolist() == [0, 1, 2, 3, 4]
    assert os.getpid() == loader(Dataset([0])).worker_init_fn.parent
