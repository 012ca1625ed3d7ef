"""Counts of a label's values, and notes of them; test_scan.py reads them from files of every kind."""

import json

import numpy as np
import pytest

from scripts.core import UserError
from scripts.data import count_label, counting, labelled_box
from scripts.data.counting import noted_counts
from tests.helpers.volume_examples import HeldVolume

LABEL = np.random.default_rng(0).integers(-1, 3, (40, 35, 9)).astype(np.int16)
LABEL[:6] = -1


def test_notes_hold_all_that_was_counted(monkeypatch):
    held = HeldVolume(LABEL)
    counts = count_label(held)
    notes = json.loads(json.dumps({counting.COUNTS: counts.as_notes()}))
    assert {each["value"]: each["voxels"] for each in notes["counts"]["values"]} == {
        value: int((value == LABEL).sum()) for value in (0, 1, 2)
    }
    monkeypatch.setattr(counting, "notes_of", lambda info: notes)
    again = noted_counts(held.info)
    assert (again.values, again.region, again.shape) == (counts.values, counts.region, counts.shape)
    for value in counts.values:
        one, two = counts.of_value(value), again.of_value(value)
        assert np.array_equal(one.cells, two.cells)
        assert all(map(np.array_equal, one.planes, two.planes))
    monkeypatch.setattr(counting, "notes_of", lambda info: {})
    assert noted_counts(held.info) is None


def packed(cells):
    return counting._packed(np.zeros(cells, np.uint16))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ({"planes": [[1], [1], [1]]}, "the counts of 0 do not agree"),
        ({"planes": [[0] * 40, [0] * 35, [*[0] * 8, 7]]}, "the counts of 0 do not agree"),
        ({"planes": [[-1] * 40, [-1] * 35, [-1] * 9]}, "the counts of 0 do not agree"),
        ({"value": -3}, "the counts of -3 do not agree"),
        ({"value": 1}, "a value is counted twice"),
        ({"cells": packed((2, 2, 1))}, "the counts of 0 do not agree"),
        ({"planes": "many"}, "invalid literal"),
        ({"cells": packed((1, 1, 1))}, "cannot reshape"),
        ({"cells": "no number"}, "incorrect header"),
        ({"cells": None}, "NoneType"),
    ],
)
def test_damaged_notes_are_refused(monkeypatch, damage, told):
    held = HeldVolume(LABEL)
    notes = {counting.COUNTS: count_label(held).as_notes()}
    notes[counting.COUNTS]["values"][0] |= damage
    monkeypatch.setattr(counting, "notes_of", lambda info: notes)
    with pytest.raises(UserError, match=f"what was noted in it is damaged .*{told}.*; prepare it again"):
        noted_counts(held.info)


def test_what_is_counted_says_when_and_where(monkeypatch):
    monkeypatch.setattr(counting, "BLOCK", 1000)
    done = []
    counts = count_label(HeldVolume(LABEL), ((0, 20), (3, 30), (0, 9)), unlabelled_value=2, done=done.append)
    assert sum(done) == LABEL.size
    assert len(done) > 10
    assert counts.values == [0, 1]
    assert counts.of_value(1).planes[1].tolist() == (LABEL[:20, 3:30] == 1).sum(axis=(0, 2)).tolist()
    assert not counts.of_value(5).cells.any()


@pytest.mark.parametrize(("unlabelled", "expected"), [(None, 6), (0, 6), (7, 6)])
def test_the_labelled_box(unlabelled, expected):
    box = labelled_box(count_label(HeldVolume(LABEL)), unlabelled)
    assert box == ((expected, 40), (0, 35), (0, 9))
    assert labelled_box(count_label(HeldVolume(np.full((3, 4, 5), -1)))) is None
