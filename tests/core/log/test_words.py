"""Times and amounts in words, at the values where they change."""

import doctest

import pytest

from scripts.core.log import words
from scripts.core.log.words import about, by, counted, duration, size


def test_sides():
    assert by((64, 32, 5)) == "64×32×5"
    assert by(["0.5", "2"], " × ") == "0.5 × 2"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "a few seconds"),
        (9.9, "a few seconds"),
        (10, "about 10 s"),
        (54.9, "about 50 s"),
        (55, "about 1 min"),
        (89, "about 1 min"),
        (5399, "about 90 min"),
        (5400, "about 1 h 30 min"),
        (7200, "about 2 h"),
        (35699, "about 9 h 50 min"),
        (35700, "about 10 h"),
        (129599, "about 36 h"),
        (129600, "about 2 days"),
    ],
)
def test_an_estimate_is_as_exact_as_it_can_be(seconds, told):
    assert about(seconds) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (3599.4, "59 min 59 s"),
        (3600, "1 h 0 min"),
    ],
)
def test_a_time_that_was_measured(seconds, told):
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("nbytes", "told"),
    [(0, "0 MB"), (99.4e6, "99 MB"), (104e6, "100 MB"), (994e6, "990 MB"), (996e6, "1.0 GB"), (9.96e9, "10 GB")],
)
def test_an_amount_of_memory(nbytes, told):
    assert size(nbytes) == told


def test_numbers_of_things():
    assert [counted(number, "volume") for number in (0, 1, 2)] == ["0 volumes", "1 volume", "2 volumes"]


def test_the_examples():
    assert doctest.testmod(words).failed == 0
