"""Blocks are the largest that fit into memory, and no larger than the volume; memory and disk are checked."""

from collections import namedtuple

import pytest

from scripts.core import UserError
from scripts.inference.blockwise import plan
from scripts.inference.blockwise.plan import check_disk, disk_needed, plan_blocks, read_memory

Usage = namedtuple("Usage", "total used free")
WINDOW = (64, 64, 64)


def planned(memory, shape=(2048, 2048, 1024), window=WINDOW, **how):
    return plan_blocks(shape, window, at_once=2, width=16, classes=2, memory=memory, **how)


@pytest.mark.parametrize(
    ("text", "nbytes"), [(2, 2e9), ("1.5", 1.5e9), ("800MB", 8e8), ("2 GiB", 2**31), ("1t", 1e12), (0.5, 5e8)]
)
def test_memory_is_read_as_one_writes_it(text, nbytes):
    assert read_memory(text) == nbytes


@pytest.mark.parametrize("text", ["much", "-1", "0", "2XB", True, "1e400"])
def test_what_is_no_memory_is_refused(text):
    with pytest.raises(UserError, match=r"--memory .*; give one such as 2GB"):
        read_memory(text)


@pytest.mark.parametrize(("free", "nbytes"), [(10**12, 1.5e9), (10**9, 5e8), (None, 1.5e9)])
def test_by_default_at_most_half_of_what_is_free(monkeypatch, free, nbytes):
    monkeypatch.setattr(plan, "free_memory", lambda: free)
    assert read_memory(None) == nbytes


def test_more_memory_gives_larger_blocks():
    sides = [planned(memory).side[0] for memory in (4e8, 1.5e9, 6e9)]
    assert sides == sorted(set(sides))
    for memory in (4e8, 1.5e9, 6e9):
        assert planned(memory).nbytes <= memory


def test_blocks_are_made_of_whole_chunks_and_hold_a_window():
    for memory in (4e8, 1.5e9, 6e9):
        found = planned(memory)
        assert all(side % chunk == 0 for side, chunk in zip(found.side, found.chunks, strict=True))
        assert min(found.side) >= 64
    assert min(planned(6e9, window=(96, 96, 96)).side) >= 96


def test_of_a_thin_volume_blocks_are_larger():
    assert planned(1.5e9, shape=(5000, 4000, 15)).side[0] > planned(1.5e9).side[0]


def test_too_little_memory_is_refused_with_what_it_takes():
    with pytest.raises(UserError, match=r"--memory .*blocks of 64 voxels take .*; give .* or more"):
        planned(1e6)


def test_what_does_not_fit_the_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(plan.shutil, "disk_usage", lambda folder: Usage(0, 0, 10**9))
    check_disk(tmp_path, 15 * 10**8, present=6 * 10**8)
    with pytest.raises(UserError, match=r"takes up to 1.5 GB of disk there, and 1.0 GB are free") as error:
        check_disk(tmp_path, 15 * 10**8, present=0)
    assert isinstance(error.value, OSError)


def test_the_disk_holds_the_logits_and_the_result():
    voxels = 512**3
    least = disk_needed((512,) * 3, planned(1.5e9), WINDOW, 2, 1, coarser=False, probability=False, copied=False)
    assert 5 * voxels < least < 11 * voxels
    more = disk_needed((512,) * 3, planned(1.5e9), WINDOW, 2, 1, coarser=True, probability=True, copied=True)
    assert more > least + 5 * voxels
