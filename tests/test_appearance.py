"""What a volume looks like: drawn in its ranges, alike for a tree, and without what is left out."""

from dataclasses import replace

import numpy as np
import pytest
from plain_look import PLAIN

from scripts.synthesis import STYLES, Segment, draw_appearance


@pytest.mark.parametrize("style", STYLES)
def test_drawn_appearances_stay_in_range_and_vary(style):
    looks = [draw_appearance(np.random.default_rng(s), style) for s in range(40)]
    assert all(1.0 <= a.cnr < 31 and 0 < a.background < 0.8 and a.full_scale >= 1 for a in looks)
    assert not any(a.integer and a.full_scale == 1 for a in looks)  # that would leave a binary image
    assert len({a.cnr for a in looks}) > 30


def test_what_is_left_out_of_the_imaging_is_not_drawn():
    def looks(*without):
        return [draw_appearance(np.random.default_rng(s), "stack", without) for s in range(60)]

    assert any(a.dark for a in looks())
    assert not any(a.dark for a in looks("dark"))
    assert any(a.cells or a.organ or a.sheet or a.leak for a in looks("blur"))
    assert not any(a.cells or a.organ or a.sheet or a.leak for a in looks("bystanders"))
    assert min(a.cnr for a in looks("noise")) >= 6
    # the rest of a volume stays as it was
    assert [a.psf for a in looks("noise")] == [a.psf for a in looks()]


def test_tones_are_shared_by_a_tree():
    line = np.zeros((3, 3))
    segments = [Segment(line, np.ones(3), 1.0, -1, group) for group in np.repeat([0, 1], 200)]
    tones = np.log(replace(PLAIN, tone_spread=0.5).tones(np.random.default_rng(1), segments))
    assert abs(tones[:200].mean() - tones[200:].mean()) > tones[:200].std() / 10
    assert (replace(PLAIN, tone_spread=0.0).tones(np.random.default_rng(1), segments) == 1).all()
