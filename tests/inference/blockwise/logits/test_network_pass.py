"""Each window is run once, whatever happens in between; what is passed on is removed when it was used."""

import numpy as np
import pytest
import torch

from scripts.core import UserError
from tests.inference.blockwise.examples import Held, convolution, in_memory, scales, tubes, whole

SHAPE = (70, 66, 40)


class Counting:
    """A network that counts the windows that it sees, and stops at one of them."""

    def __init__(self, stop=None):
        self.seen, self.stop = 0, stop

    def __call__(self, windows):
        self.seen += len(windows)
        if self.stop is not None and self.seen > self.stop:
            raise KeyboardInterrupt
        return convolution()(windows)


def windows_of(found):
    return sum(map(found.work, found.grid.blocks.indices)) // 32**3


def test_every_window_is_seen_once(tmp_path):
    network = Counting()
    found = scales(tmp_path, 32, network).network_pass(Held(tubes(SHAPE)), "own")
    found.stage().run()
    assert network.seen == windows_of(found)
    assert not list(found.mail.folder.iterdir())


@pytest.mark.parametrize("stop", [1, 20, 70])
def test_a_run_that_was_stopped_goes_on(tmp_path, stop):
    image, stopped, network = tubes(SHAPE), Counting(stop), Counting()
    first = scales(tmp_path, 32, stopped).network_pass(Held(image), "own")
    with pytest.raises(KeyboardInterrupt):
        first.stage().run()
    second = scales(tmp_path, 32, network).network_pass(Held(image), "own")
    left = sum(map(second.work, second.stage().left())) // 32**3
    second.stage().run()
    assert network.seen == left
    assert left == windows_of(second) if stop == 1 else left < windows_of(second)
    np.testing.assert_allclose(second.logits.read(whole(SHAPE)), in_memory(image, convolution()), atol=1e-5)
    assert not list(second.mail.folder.iterdir())


def test_the_order_in_which_blocks_are_computed_changes_no_bit(tmp_path):
    image = Held(tubes(SHAPE))
    one = scales(tmp_path / "one", 32, convolution()).network_pass(image, "own")
    one.stage().run()
    two = scales(tmp_path / "two", 32, convolution()).network_pass(image, "own")
    for index in reversed(two.grid.blocks.indices):
        two.send(index, two.compute(index, two.load(index)), own=True)
    for index in two.grid.blocks.indices:
        two.merge(index)
    assert np.array_equal(one.logits.read(whole(SHAPE)), two.logits.read(whole(SHAPE)))


def test_what_was_passed_on_and_is_gone_is_missed(tmp_path):
    found = scales(tmp_path, 32, convolution()).network_pass(Held(tubes(SHAPE)), "own")
    first, second = found.stage().left()[:2]
    found.send(first, found.compute(first, found.load(first)))
    found.mail.discard(second, [first])
    with pytest.raises(UserError, match=r"passed on to .* is missing; remove"):
        found.merge(second, found.compute(second, found.load(second)))


def test_logits_that_are_not_finite_are_refused(tmp_path):
    found = scales(tmp_path, 32, lambda x: torch.cat([x, x / 0], dim=1)).network_pass(Held(tubes(SHAPE)), "own")
    with pytest.raises(UserError, match=r"^a.tif: the network's logits for it are NaN or infinite"):
        found.stage().run()


def test_one_class_of_vessel_takes_one_array(tmp_path):
    assert len(scales(tmp_path, 32, convolution()).network_pass(Held(tubes(SHAPE)), "own").logits.arrays) == 1
    three = scales(tmp_path, 32, convolution(3), classes=3).network_pass(Held(tubes(SHAPE)), "other")
    assert len(three.logits.arrays) == 2


def test_dropout_is_switched_off(tmp_path):
    network = torch.nn.Sequential(torch.nn.Dropout(0.5), convolution()).train()
    found = scales(tmp_path, 32, network).network_pass(Held(tubes(SHAPE)), "own")
    found.stage().run()
    np.testing.assert_allclose(found.logits.read(whole(SHAPE)), in_memory(tubes(SHAPE), convolution()), atol=1e-5)
    assert network.training
