"""A compiled network is called as PyTorch's: any number of windows of any size, from any thread or process."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from scripts.inference.engine.compiled import CompiledNetwork, from_bytes, to_bytes
from scripts.inference.engine.graph import to_graph
from tests.inference.engine.examples import graph, logits_of, network, windows


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_each_window_is_seen_alone_and_in_its_place(two_threads, count):
    batch, compiled = windows(5), CompiledNetwork(to_graph(network()), "fp32")
    found = compiled(batch[:count])
    torch.testing.assert_close(found, logits_of(network(), batch[:count]), atol=1e-3, rtol=1e-3)
    assert torch.equal(found, torch.cat([compiled(one[None]) for one in batch[:count]]))


def test_threads_that_call_it_at_once_get_their_own(two_threads):
    compiled, batch = CompiledNetwork(graph(), "fp32"), windows(6)
    expected = [compiled(one[None]) for one in batch]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(compiled, batch[:, None].repeat(4, 1, 1, 1, 1, 1)))
    assert all(torch.equal(one, expected[at % 6]) for at, one in enumerate(found))


def test_a_copy_of_another_process_finds_the_same():
    compiled, batch = CompiledNetwork(graph(), "fp32"), windows(2)
    assert torch.equal(pickle.loads(pickle.dumps(compiled))(batch), compiled(batch))


def test_a_graph_is_read_as_it_was_written():
    text, numbers = to_bytes(graph())
    assert to_bytes(from_bytes(text, numbers))[1] == numbers
    with pytest.raises(RuntimeError):
        from_bytes(text[:100], numbers)


def test_it_stays_compiled_for_few_sizes():
    compiled = CompiledNetwork(graph(), "fp32")
    for side in ((32, 32, 32), (64, 32, 32), (32, 64, 32), (32, 32, 64), (64, 64, 32)):
        assert compiled(windows(1, side)).shape == (1, 2, *side)
    assert len(compiled._requests) <= 3
