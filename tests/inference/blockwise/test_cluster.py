"""Several processes do the blocks of a stage: the same bytes, also when one of them is killed."""

import os
import signal
import sys

import numpy as np
import pytest

from scripts.core import UserError
from scripts.inference.blockwise.cluster import SENT, cluster
from scripts.inference.blockwise.grid import BlockGrid
from scripts.inference.blockwise.stages import Stage, kept_array
from tests.inference.blockwise.examples import Held, convolution, scales, tubes

pytest.importorskip("distributed")
SHAPE = (70, 66, 40)


class DiesOnce(Held):
    """An image that kills the process that reads a box of it, the first time."""

    def __init__(self, voxels, mark):
        super().__init__(voxels)
        self.mark = mark

    def read(self, box):
        if box[0][0] > 0 and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(box)


class DiesWhenSent(Held):
    """An image that kills the worker that it is sent to, the first time."""

    def __init__(self, voxels, mark, home):
        super().__init__(voxels)
        self.mark, self.home = mark, home

    def __reduce__(self):
        return _arrived, (self.voxels, self.mark, self.home)


def _arrived(voxels, mark, home):
    if os.getpid() != home and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return DiesWhenSent(voxels, mark, home)


def bytes_of(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "c" in path.parts]
    return {path.relative_to(folder): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def two():
    with cluster(2) as run:
        yield run


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The same by this process alone."""
    folder = tmp_path_factory.mktemp("alone")
    scales(folder, 32, convolution()).network_pass(Held(tubes(SHAPE)), "own").stage().run()
    return bytes_of(folder)


@pytest.mark.slow
def test_two_processes_write_the_same_bytes_as_one_and_a_killed_one_loses_nothing(tmp_path, two, alone):
    image = DiesOnce(tubes(SHAPE), tmp_path / "killed")
    found = scales(tmp_path / "two", 32, convolution()).network_pass(image, "own")
    told = []
    two(found.stage(), told.append)
    assert (tmp_path / "killed").exists()
    assert found.stage().left() == []
    assert sorted(told) == sorted(found.grid.blocks.indices)
    assert not list(found.mail.folder.iterdir())
    assert bytes_of(tmp_path / "two") == alone != {}
    two(found.stage(), told.append)  # nothing is left to do
    assert len(told) == len(found.grid.blocks.indices)


@pytest.mark.slow
def test_a_worker_that_is_killed_while_the_network_is_sent_loses_nothing(tmp_path, two, alone):
    image = DiesWhenSent(tubes(SHAPE), tmp_path / "killed", os.getpid())
    found = scales(tmp_path / "two", 32, convolution()).network_pass(image, "own")
    two(found.stage(), lambda index: None)
    assert (tmp_path / "killed").exists()
    assert bytes_of(tmp_path / "two") == alone


@pytest.mark.slow
def test_what_was_sent_before_is_not_computed_again(tmp_path, two, alone):
    """A run by several processes that was killed goes on."""
    found = scales(tmp_path, 32, convolution()).network_pass(Held(tubes(SHAPE)), "own")
    stage, told = found.stage(), []
    for index in stage.left()[:5]:
        found.send_all(index, found.compute(index, found.load(index)))
    stage.mark(stage.left()[:5], SENT)
    two(stage, told.append)
    assert len(told) == len(found.grid.blocks.indices) - 5
    assert bytes_of(tmp_path) == alone


@pytest.mark.slow
def test_blocks_that_need_no_others(tmp_path, two):
    blocks = BlockGrid((8, 4, 4), (2, 4, 4))
    array = kept_array(tmp_path / "a.zarr", blocks.shape, np.uint8, blocks.side)

    def store(index, value):
        array.write(blocks.box(index), np.full(blocks.side, value[0] + 1, np.uint8))

    stage, told = Stage("counting", blocks, array, lambda i: i, lambda i, loaded: loaded, store), []
    two(stage, told.append)
    assert sorted(told) == blocks.indices == sorted(stage.done())
    assert array.read(((0, 8), (0, 1), (0, 1))).ravel().tolist() == [1, 1, 2, 2, 3, 3, 4, 4]


def test_a_scheduler_that_does_not_answer_is_refused(monkeypatch):
    monkeypatch.setattr("scripts.inference.blockwise.cluster.WAIT", 0.5)
    address = "tcp://127.0.0.1:9"
    with pytest.raises(UserError, match=rf"--scheduler {address}: does not answer"), cluster(0, address):
        pass


def test_without_dask_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"^--workers: needs Dask; pip install 'tubenet\[large\]'"), cluster(2):
        pass
