"""Memory is kept and given back in a process of its own, for the setting is that of the whole process."""

import os
import platform
import subprocess
import sys

import pytest

from scripts.core.machine import memory
from tests.helpers.bundle_command import BUNDLE

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no glibc, no such setting")

WINDOWS = """
import resource, sys, torch
from pathlib import Path
from scripts.inference import GridInferer, reused_memory
if sys.argv[1] == "leave":
    reused_memory.keep_freed_memory = reused_memory.return_freed_memory = lambda: None
def network(x):
    return x.repeat(1, 256, 1, 1, 1)[:, :2]  # 32 MiB, freed after each window
def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
inferer = reused_memory.ReusedMemoryInferer(GridInferer((32, 32, 32), overlap=0.0))
image = torch.rand(1, 1, 128, 64, 64)
inferer(image, network)
before = used()
inferer(image, network)
print(used() - before, int(Path("/proc/self/statm").read_text().split()[1]) * 4096)
"""

FAULTS = """
import resource, sys, torch
from scripts.core import keep_freed_memory, return_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def work():
    for _ in range(20):
        torch.ones(2**24)  # 64 MiB
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

HELD = """
import torch
from pathlib import Path
from scripts.core import keep_freed_memory, return_freed_memory
def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
keep_freed_memory()
before = held()
torch.ones(2**25)  # 128 MiB
kept = held() - before
return_freed_memory()
print(kept, held() - before)
"""


def printed(program, *words):
    environment = os.environ | {"PYTHONPATH": str(BUNDLE), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


@glibc
def test_the_next_block_of_a_size_is_not_asked_of_the_system_again():
    (without,), (kept,) = printed(FAULTS, "leave"), printed(FAULTS, "keep")
    assert kept < 1000 < without  # pages that the system had to clear


@glibc
@pytest.mark.slow
def test_windows_share_memory_and_a_volume_leaves_none():
    (without, _), (kept, held) = printed(WINDOWS, "leave"), printed(WINDOWS, "keep")
    assert kept < without / 2  # of 16 windows; the first fills what is kept, and what runs beside this takes its share
    keeping = WINDOWS.replace("inferer =", "reused_memory.return_freed_memory = int; inferer =")
    (_, not_given_back) = printed(keeping, "keep")
    assert held < not_given_back - 20 * 2**20


@glibc
def test_what_is_kept_can_be_given_back():
    kept, returned = printed(HELD)
    assert kept > 120 * 2**20
    assert returned < 8 * 2**20


def test_without_glibc_nothing_happens(monkeypatch):
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    memory.keep_freed_memory.cache_clear()
    try:
        assert memory.keep_freed_memory() is False
        memory.return_freed_memory()
    finally:
        memory.keep_freed_memory.cache_clear()


def test_free_memory_is_some_of_the_memory():
    free = memory.free_memory()
    assert free is None or 2**20 < free < 2**50


def test_where_nobody_says_it_is_not_known(monkeypatch):
    monkeypatch.setattr(memory.Path, "read_text", lambda _: "")
    whole = memory.free_memory()
    assert whole is None or whole >= 2**28  # of the machine
    monkeypatch.delattr(memory.os, "sysconf", raising=False)
    assert memory.free_memory() is None


def test_a_container_may_have_less_than_the_machine(monkeypatch):
    files = {"/proc/meminfo": "MemAvailable: 4000 kB\nSwapFree: 1000 kB", "/sys/fs/cgroup/memory.max": "max"}
    monkeypatch.setattr(memory.Path, "read_text", lambda path: files.get(str(path), ""))
    assert memory.free_memory() == 5000 * 1024
    files["/sys/fs/cgroup/memory.max"] = "1048576"
    assert memory.free_memory() == 2**20


def test_what_a_group_of_processes_holds_is_not_free(monkeypatch):
    """A job of a cluster has a limit some folders above its own, and holds copies of files that can go."""
    job = "/sys/fs/cgroup/slurm/job_7"
    files = {
        "/proc/meminfo": "MemAvailable: 9000000 kB",
        "/proc/self/cgroup": "0::/slurm/job_7/step_0",
        "/sys/fs/cgroup/slurm/job_7/step_0/memory.max": "max",
        "/sys/fs/cgroup/slurm/job_7/step_0/memory.current": "5000",
        f"{job}/memory.max": "1000000",
        f"{job}/memory.current": "600000",
        f"{job}/memory.stat": "anon 400000\ninactive_file 150000\n",
    }
    monkeypatch.setattr(memory.Path, "read_text", lambda path: files.get(str(path), ""))
    assert memory.free_memory() == 550000
    files[f"{job}/memory.current"] = "1200000"
    assert memory.free_memory() == 0
    files["/proc/self/cgroup"] = "4:cpu:/slurm\n7:memory,other:/slurm/job_7"  # the first version of cgroups
    old = "/sys/fs/cgroup/memory/slurm/job_7"
    files |= {f"{old}/memory.limit_in_bytes": "3000", f"{old}/memory.usage_in_bytes": "1000"}
    assert memory.free_memory() == 2000


def test_the_most_memory_that_was_held():
    peak = memory.peak_memory()
    assert peak is None or 2**20 < peak < 2**40
