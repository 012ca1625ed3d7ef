"""Centre lines and radii: the share of a box that they fill, and their numbering."""

import numpy as np
import pytest

from scripts.synthesis.segments import renumbered, volume_fraction
from tests.helpers.straight_tube import straight_tube


def test_volume_fraction_of_a_tube():
    box = np.array([100.0, 50.0, 50.0])
    fraction = volume_fraction([straight_tube((0, 25, 25), (100, 25, 25), 5.0, 501)], box)
    assert fraction == pytest.approx(np.pi * 25 / 2500, rel=0.01)


def test_parents_count_from_where_segments_are_appended():
    one, two = straight_tube((0, 0, 0), (9, 0, 0), 1.0), straight_tube((9, 0, 0), (18, 0, 0), 1.0, parent=0)
    assert [s.parent for s in renumbered([one, two], 5)] == [-1, 5]
    assert [s.parent for s in renumbered([one, two], 5, root_parent=0)] == [0, 5]
