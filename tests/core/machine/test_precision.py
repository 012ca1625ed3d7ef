"""What `--amp auto` goes by: a convolution of the network's size, timed in both types."""

import pytest
import torch

from scripts.core.machine import precision
from scripts.core.machine.precision import gain_of_bfloat16, measure_gain


@pytest.mark.parametrize("training", [False, True])
def test_both_are_timed(training):
    threads = torch.get_num_threads()
    assert 0 <= measure_gain("cpu", training) < 1e4
    assert torch.get_num_threads() == threads


def test_a_machine_that_only_imitates_it_is_found_out_by_a_small_one(monkeypatch):
    sides = []

    monkeypatch.setattr(precision, "_seconds", lambda *words, **_: sides.append(words[2]) or 0.1)
    assert measure_gain("cpu", True) == 0
    assert set(sides) == {precision.SMALL}


def test_the_least_of_each_counts(monkeypatch):
    """Three small ones, a first of each type, and two of each: of the last, 20 and 4 ms are least."""
    each = iter([9, 0.001, 9, 9, 9, 0.03, 0.004, 0.02, 0.1])
    monkeypatch.setattr(precision, "_seconds", lambda *_, **__: next(each))
    assert measure_gain("cpu", False) == pytest.approx(5)
    assert next(each, None) is None


def test_prediction_and_training_are_measured_apart_and_each_once(monkeypatch, nothing_measured):
    asked = []
    monkeypatch.setattr(precision, "measure_gain", lambda _, training: asked.append(training) or float(len(asked)))
    gains = [gain_of_bfloat16("cpu", training) for training in (False, True, True, False)]
    assert gains == [1, 2, 2, 1]
    assert asked == [False, True]
