"""What a volume looks like: drawn in its ranges, the same for a tree, and without what is left out."""

from dataclasses import replace

import numpy as np
import pytest

from scripts.synthesis.appearance import draw_appearance
from scripts.synthesis.generator import STYLES
from scripts.synthesis.segments import Segment
from tests.helpers.plain_look import PLAIN


@pytest.mark.parametrize("style", STYLES)
def test_drawn_appearances_stay_in_range_and_vary(style):
    looks = [draw_appearance(np.random.default_rng(s), style) for s in range(40)]
    assert all(1.0 <= a.cnr < 41 and 0 < a.background < 0.8 and a.full_scale >= 1 for a in looks)
    assert not any(a.integer and a.full_scale == 1 for a in looks)  # that would leave a binary image
    assert len({a.cnr for a in looks}) > 30


def test_what_is_left_out_of_the_imaging_is_not_drawn():
    def looks(*without):
        return [draw_appearance(np.random.default_rng(s), "stack", without) for s in range(60)]

    assert any(a.dark for a in looks())
    assert not any(a.dark for a in looks("dark"))
    assert any(a.cells or a.organ or a.sheet or a.leak for a in looks("blur"))
    assert not any(a.cells or a.organ or a.sheet or a.leak for a in looks("distractors"))
    assert min(a.cnr for a in looks("noise")) >= 6
    # the rest of a volume stays as it was
    assert [a.psf for a in looks("noise")] == [a.psf for a in looks()]


def brightness(look):
    """Brightness of the vessels of two trees of 200 segments each."""
    segments = [Segment(np.zeros((3, 3)), np.ones(3), 1.0, -1, group) for group in np.repeat([0, 1], 200)]
    return look.vessel_brightness(np.random.default_rng(1), segments)


def test_the_vessels_of_a_tree_are_about_equally_bright():
    logs = np.log(brightness(replace(PLAIN, brightness_spread=0.5, cnr=100.0)))
    # by construction 0.5 normal between trees, 0.25 within; the two of this seed are 0.4 apart or more
    assert abs(logs[:200].mean() - logs[200:].mean()) > 0.2
    assert logs[:200].std() == pytest.approx(0.25, rel=0.25)
    assert (brightness(replace(PLAIN, brightness_spread=0.0)) == 1).all()


@pytest.mark.parametrize(("cnr", "dimmest"), [(100.0, 0.025), (10.0, 0.25), (2.0, 0.5)])
def test_no_vessel_drowns_in_the_noise(cnr, dimmest):
    assert brightness(replace(PLAIN, brightness_spread=1.4, cnr=cnr)).min() >= dimmest
    dome = replace(PLAIN, brightness_spread=1.4, cnr=cnr, profile="dome", dome=6.0)
    assert (brightness(dome) * dome.axis_brightness(1.0)).min() >= dimmest * (1 - 1e-9)
