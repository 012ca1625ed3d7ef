"""The seconds of each step: a row a step, medians, and their share of the network's own."""

import numpy as np
import pytest

from experiments.cleaning_seconds import AFTER, probabilities, seconds_table, step_seconds, timed


def test_each_step_is_timed_as_often_as_asked():
    log_odds = np.full((12, 12, 12), -4, dtype=np.float32)
    log_odds[:, 5:7, 5:7] = 4
    found = step_seconds(log_odds, np.eye(4), repeats=2)
    assert list(found) == ["smooth 0.7", *AFTER]
    assert [len(each) for each in found.values()] == [2, 2, 2, 2]
    assert found["smooth 0.7"][0] > 0


def test_what_is_timed_is_returned():
    found, seconds = timed(sum, range(10**6))
    assert found == 499_999_500_000
    assert seconds > 0


def test_the_probabilities_are_those_of_the_log_odds():
    found = probabilities(np.log(np.full((2, 3, 4), 3, dtype=np.float32)), np.diag([1.0, 1.0, 5.0, 1.0]))
    assert found.shape == (2, 2, 3, 4)
    assert found[1].numpy() == pytest.approx(0.75)
    assert found.affine[2, 2] == 5


def test_a_row_is_the_median_on_each_volume_and_its_share_of_the_networks_own():
    seconds = {
        "a": {"network, once": [2.0, 9.0, 1.0], "network, eight views": [16.0], "smooth 0.7": [0.1, 0.1, 0.7]},
        "b": {"network, once": [2.0], "smooth 0.7": [0.3]},
    }
    assert seconds_table(seconds).splitlines() == [
        "| seconds | a | b | of the network's |",
        "|---|---|---|---|",
        "| network, once | 2.00 | 2.00 | 1.000 |",
        "| network, eight views | 16.00 | – | – |",
        "| smooth 0.7 | 0.10 | 0.30 | 0.100 |",
    ]
