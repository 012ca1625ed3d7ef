"""When memory is kept, and when it goes back; what that saves is seen in `tests/core`."""

import pytest
import torch
from monai.inferers import SimpleInferer

from scripts.inference import ReusedMemoryInferer, reused_memory


@pytest.fixture
def done(monkeypatch):
    """What was done about memory, in order."""
    done = []
    monkeypatch.setattr(reused_memory, "keep_freed_memory", lambda: done.append("kept"))
    monkeypatch.setattr(reused_memory, "return_freed_memory", lambda: done.append("returned"))
    return done


def test_memory_is_kept_from_the_start_and_goes_back_around_each_call(done):
    inferer = ReusedMemoryInferer(SimpleInferer())
    assert done == ["kept"]
    for _ in range(2):
        assert inferer(torch.ones(1), lambda x: done.append("run") or x + 1) == 2
    assert done == ["kept", *["returned", "run", "returned"] * 2]


def test_it_goes_back_after_a_failure(done):
    with pytest.raises(ZeroDivisionError):
        ReusedMemoryInferer(SimpleInferer())(torch.ones(1), lambda x: 1 / 0)
    assert done == ["kept", "returned", "returned"]


def test_training_keeps_it_between_steps(done):
    ReusedMemoryInferer(SimpleInferer(), between_calls=True)(torch.ones(1), lambda x: x)
    assert done == ["kept"]
