"""What was missed and what was invented, branch by branch."""

import numpy as np
import pytest

from scripts.morphometry import VesselMask, compare, measure
from tests.morphometry.examples import CUBES, tube

SHAPE = (70, 60, 30)


def against(found, true, labelled=None):
    """Compare two masks, one of which may be empty."""
    parts = [part for mask in (found, true) for part in (measure(mask, CUBES), VesselMask.of(mask, CUBES))]
    return compare(*parts, None if labelled is None else VesselMask.of(labelled, CUBES))


def vessel(row, radius):
    return tube([(8, row, 15), (62, row, 15)], radius, SHAPE)


def test_missed_and_invented_branches_by_class_of_radius():
    thin, wide, more = vessel(10, 2), vessel(25, 5), vessel(50, 2)
    true, found = thin | wide, wide | more
    told = against(found, true)
    assert told["length_error"] == pytest.approx(0, abs=0.02)
    assert (len(told["missed"]), len(told["invented"])) == (1, 1)
    assert [row["up_to"] for row in told["by_radius"]] == [1.5, 3, 6, None]
    of_thin, of_wide = told["by_radius"][1:3]
    assert of_thin["missed"] == of_thin["true"] == pytest.approx(54, abs=1.5)
    assert of_thin["invented"] == of_thin["found"] == pytest.approx(54, abs=1.5)
    assert (of_wide["missed"], of_wide["invented"]) == (0, 0)
    assert of_wide["true"] == of_wide["found"] == pytest.approx(54, abs=1.5)


def test_what_is_the_same_misses_nothing():
    told = against(vessel(10, 3), vessel(10, 3))
    assert (told["length_error"], told["missed"], told["invented"]) == (0, [], [])


def test_against_nothing_the_error_is_undefined():
    told = against(vessel(10, 3), np.zeros(SHAPE, bool))
    assert told["length_error"] is None
    assert told["invented"] == [0]


def test_what_is_not_labelled_does_not_count():
    thin, wide = vessel(10, 2), vessel(25, 5)
    labelled = np.ones(SHAPE, bool)
    labelled[:, 18:] = labelled[35:] = False
    told = against(wide, thin, labelled)
    assert (told["missed"], told["invented"]) == ([0], [])
    assert told["by_radius"][1]["missed"] == pytest.approx(27, abs=1.5)  # half of it is labelled
    assert told["by_radius"][2]["found"] == 0
