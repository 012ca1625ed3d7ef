"""Which vessels stand together: every style, in thick and thin volumes."""

import numpy as np
import pytest

from scripts.synthesis.scenes import MIN_FRACTION, MIXED, draw_vessels
from scripts.synthesis.segments import volume_fraction

STYLES = ("tree", "mesh", "stack", "plexus", "tumour", "hollow", "organ", "mixed")


def drawn(style, shape=(64, 64, 64), anisotropy=1.0, seed=0, **switches):
    return draw_vessels(np.random.default_rng(seed), shape, anisotropy, style, **switches)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("shape", "anisotropy"), [((64, 64, 64), 1.0), ((96, 80, 15), 3.0)])
def test_no_volume_is_nearly_empty_and_every_parent_is_in_the_list(style, shape, anisotropy):
    segments = drawn(style, shape, anisotropy)
    assert volume_fraction(segments, np.array(shape) * (1, 1, anisotropy)) >= MIN_FRACTION
    for number, segment in enumerate(segments):
        assert -1 <= segment.parent < len(segments)
        assert segment.parent != number
        assert segment.points.shape == (len(segment.radii), 3)


@pytest.mark.parametrize("style", STYLES)
def test_the_seed_alone_decides(style):
    one, two, other = drawn(style), drawn(style), drawn(style, seed=1)
    assert len(one) == len(two)
    assert all(np.array_equal(a.points, b.points) for a, b in zip(one, two, strict=True))
    assert len(one) != len(other) or not np.array_equal(one[0].points, other[0].points)


def test_a_tumour_lies_about_the_middle():
    starts = [segment.points[0] for segment in drawn("tumour") if segment.parent == -1]
    assert np.abs(np.mean(starts, axis=0) - 32).max() < 8


def test_hollow_vessels_are_wide_enough_for_a_lumen():
    assert min(segment.radius for segment in drawn("hollow")) >= 2.5


def test_a_mixed_scene_has_two_kinds_and_never_one_that_is_left_out():
    kinds = {segment.group // 1000 for segment in drawn("mixed")}
    assert len(kinds) == 2
    for seed in range(6):
        left = [style for style in MIXED if style != "plexus"]
        assert {segment.group // 1000 for segment in drawn("mixed", seed=seed, without=left)} == {0}
