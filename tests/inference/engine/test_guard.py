"""What int8 changes is told in two numbers, and beyond stated amounts it may not stand for float32."""

import pytest
import torch

from scripts.inference.engine.guard import FEW, MAX_DIFFERENCE, MIN_AGREEMENT, Comparison, compare, times_as_fast


def of_probability(probability):
    """A network that finds this of vessel in each window, `(X, Y, Z)`."""
    logits = torch.logit(probability)
    return lambda batch: torch.stack([torch.stack([torch.zeros_like(logits), logits])] * len(batch))


def found(first, second, threshold=0.5):
    return compare(of_probability(first), of_probability(second), torch.zeros(3, 1, *first.shape), threshold, 2)


def test_the_same_is_close():
    both = found(torch.full((4, 4, 4), 0.7), torch.full((4, 4, 4), 0.7))
    assert both.is_close
    assert (both.difference, both.agreement) == (0, 1)


def test_both_numbers_by_hand():
    first = torch.full((10, 1, 1), 0.1)
    second = first.clone()
    first[:4], second[2:6] = 0.9, 0.9  # two voxels in both of four and four
    both = found(first, second)
    assert both.difference == pytest.approx(4 * 0.8 / 10)
    assert both.agreement == pytest.approx(2 * 2 / 8)
    assert not both.is_close
    assert both.text == "probabilities differ by 0.32 in the mean, and the masks' Dice is 0.500"


def test_the_threshold_decides_what_is_vessel():
    first, second = torch.full((4, 4, 4), 0.32), torch.full((4, 4, 4), 0.34)
    assert found(first, second, 0.5).agreement == 1
    assert found(first, second, 0.33).agreement == 0


def test_vessels_of_two_kinds_that_are_swapped_do_not_agree():
    def kind(which):
        logits = torch.zeros(1, 3, 2, 2, 2)
        logits[:, which] = 9
        return lambda batch: logits

    assert compare(kind(1), kind(2), torch.zeros(1, 1, 2, 2, 2), 0.5, 1).agreement == 0


def test_a_voxel_or_two_in_nearly_empty_windows_do_not_count_as_all():
    first = torch.full((20, 20, 20), 0.01)
    second = first.clone()
    second[0, 0, 0] = 0.9
    assert found(first, second).agreement == pytest.approx(1 - 1 / (2 * FEW * 8000))


def test_the_limits():
    assert Comparison(MAX_DIFFERENCE, MIN_AGREEMENT).is_close
    assert not Comparison(MAX_DIFFERENCE * 1.01, 1).is_close
    assert not Comparison(0, MIN_AGREEMENT * 0.99).is_close


def test_how_much_faster_is_without_the_first_time_and_by_the_best(monkeypatch):
    now = [0.0]

    def taking(*seconds):
        left = list(seconds)

        def network(batch):
            now[0] += left.pop(0)

        return network

    monkeypatch.setattr("scripts.inference.engine.guard.time.perf_counter", lambda: now[0])
    assert times_as_fast(taking(1, 4, 2, 9), taking(90, 6, 7, 8), torch.zeros(2, 1, 4, 4, 4)) == 3.0
