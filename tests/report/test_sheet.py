"""How large the panels of a volume are, and what their colours mean."""

import numpy as np
import pytest

from scripts.report.sheet import LEAST_SIDE, MAX_SIDE, Scale, depth_colours, usual_side


@pytest.mark.parametrize(
    ("voxels", "pixels"), [(1, 448), (8, 448), (96, 480), (101, 404), (128, 512), (144, 432), (320, 448), (512, 512)]
)
def test_a_side_has_whole_pixels_a_voxel_where_that_suits(voxels, pixels):
    assert usual_side(voxels) == pixels


def test_no_side_is_larger_than_the_largest():
    assert {usual_side(voxels) for voxels in (700, 2048, 10**6)} == {MAX_SIDE}


def panel(shape, spacing, across, down):
    view = np.zeros((shape[down], shape[across]))
    return Scale(shape, spacing).panel(view, across, down, "")


@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.5, 0.5, 2.5), (2, 1, 3), (0.002, 0.002, 0.003)])
def test_all_panels_are_in_the_proportions_of_the_voxels(spacing):
    shape = (100, 80, 30)
    for across, down in ((0, 1), (0, 2), (1, 2)):
        drawn, _ = panel(shape, spacing, across, down)
        true = shape[across] * spacing[across] / (shape[down] * spacing[down])
        assert drawn.width / drawn.height == pytest.approx(true, rel=0.02)
        assert not drawn.caption


def test_a_thin_stack_is_stretched_and_says_so():
    drawn, _ = panel((512, 512, 15), None, 0, 2)
    assert (drawn.width, drawn.height) == (512, LEAST_SIDE)
    assert drawn.caption == ", Z stretched 3.7 ×"
    drawn, _ = panel((512, 512, 15), (0.994, 0.994, 5), 0, 2)
    assert drawn.height == pytest.approx(15 * 5 / 0.994, abs=1)
    assert not drawn.caption


def test_a_deep_volume_is_seen_from_the_side_at_a_smaller_scale():
    drawn, _ = panel((60, 60, 600), None, 0, 2)
    assert drawn.height <= 1.5 * MAX_SIDE
    assert drawn.width / drawn.height == pytest.approx(0.1, rel=0.02)
    assert drawn.caption == ", at 0.23 of the scale"


def test_a_large_view_is_shrunk_before_it_is_drawn():
    drawn, shrink = panel((2048, 1500, 100), None, 0, 1)
    assert (drawn.width, shrink) == (MAX_SIDE, 3)


def test_depth_goes_from_blue_to_yellow_and_gets_lighter():
    colours = depth_colours(np.linspace(0, 1, 8))
    assert colours.shape == (8, 3)
    assert colours[0][2] > colours[0][0]
    assert colours[-1][0] > colours[-1][2]
    assert (np.diff(colours @ [0.2126, 0.7152, 0.0722]) > 0).all()
