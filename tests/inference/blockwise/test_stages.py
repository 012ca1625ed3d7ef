"""Blocks are done in order, one recorded after another; what fails leaves the rest to the next run."""

import threading

import numpy as np
import pytest

from scripts.inference.blockwise.grid import BlockGrid
from scripts.inference.blockwise.stages import DONE, Stage, kept_array

SHAPE, SIDE = (8, 4, 4), (2, 4, 4)


def stage(folder, load=lambda index: index, compute=lambda index, loaded: loaded, **how):
    array = kept_array(folder / "a.zarr", SHAPE, np.uint8, SIDE)
    blocks = BlockGrid(SHAPE, SIDE)

    def store(index, value):
        array.write(blocks.box(index), np.full(SIDE, value[0] + 1, np.uint8))

    return Stage("counting", blocks, array, load, compute, store, **how)


def test_all_blocks_are_done_and_recorded(tmp_path):
    told, finished = [], []
    counting = stage(tmp_path, finished=finished.append)
    counting.run(told.append)
    assert told == finished == counting.blocks.indices == sorted(counting.done())
    assert counting.record.read(((0, 8), (0, 1), (0, 1))).ravel().tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    assert stage(tmp_path).left() == []


@pytest.mark.parametrize("where", ["load", "compute"])
def test_what_fails_leaves_the_rest(tmp_path, where):
    def fails(index, *_):
        if index == (2, 0, 0):
            raise RuntimeError("broken")
        return index

    with pytest.raises(RuntimeError, match="broken"):
        stage(tmp_path, **{where: fails}).run()
    again = stage(tmp_path)
    assert (2, 0, 0) in again.left()
    assert (0, 0, 0) in again.done()
    again.run()
    assert again.left() == []
    assert again.record.read(((0, 8), (0, 1), (0, 1))).ravel().tolist() == [1, 1, 2, 2, 3, 3, 4, 4]


def test_a_write_that_fails_stops_the_run_and_is_not_recorded(tmp_path):
    counting = stage(tmp_path)

    def full(index, value):
        raise OSError("No space left on device")

    counting.store = full
    with pytest.raises(OSError, match="No space left"):
        counting.run()
    assert counting.done() == set()


def test_reading_runs_ahead_of_computing(tmp_path):
    ahead = threading.Event()

    def load(index):
        if index == (1, 0, 0):
            ahead.set()
        return index

    def compute(index, loaded):
        assert index != (0, 0, 0) or ahead.wait(10)
        return loaded

    stage(tmp_path, load, compute).run()


def test_an_array_is_made_once(tmp_path):
    kept_array(tmp_path / "a.zarr", SHAPE, np.uint8, SIDE).write(((0, 2), (0, 4), (0, 4)), np.ones(SIDE, np.uint8))
    assert kept_array(tmp_path / "a.zarr", SHAPE, np.uint8, SIDE).read(((1, 2), (0, 1), (0, 1))).item() == 1


def test_what_is_recorded_stays_short_and_keeps_the_gaps(tmp_path):
    counting = stage(tmp_path)
    done = {(3, 0, 0), (0, 0, 0), (1, 0, 0)}
    counting.mark(done)
    assert counting.record.attributes[DONE] == [[0, 2], [3, 4]]
    assert (stage(tmp_path).done(), stage(tmp_path).left()) == (done, [(2, 0, 0)])
    counting.mark(done | {(2, 0, 0)})
    assert counting.record.attributes[DONE] == [[0, 4]]
