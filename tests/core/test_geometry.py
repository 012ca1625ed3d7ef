"""Through-plane axes and regions, worked out by hand."""

import numpy as np
import pytest

from scripts.core import longest_in_plane_axis, region_box, same_grid, through_plane_axis, voxel_size
from scripts.core.geometry import parse_region
from tests.helpers.volume_examples import SHEARED


def spaced(*sizes):
    return np.diag([*sizes, 1.0])


@pytest.mark.parametrize(
    ("sizes", "axis"),
    [
        ((1, 1, 1), 2),
        ((1, 1, 4), 2),
        ((4, 1, 1), 0),
        ((1, 4, 1), 1),
        ((1.5, 1, 1), 0),
        ((1.4, 1, 1), 2),  # coarser, not clearly
        ((4, 4, 1), 2),  # two alike: neither stands out
        ((4, 2, 1), 0),
        ((0.0008, 0.0002, 0.0002), 0),  # a microscope's micrometres, in mm
    ],
)
def test_through_plane_axis_is_the_clearly_coarsest_else_z(sizes, axis):
    assert through_plane_axis(spaced(*sizes)) == axis


def test_spacing_and_axis_of_a_turned_volume():
    turned = spaced(4, 1, 1)[:, [1, 0, 2, 3]] * [1, -1, 1, 1]  # array axis 1 runs along -x of the world
    np.testing.assert_allclose(voxel_size(turned), (1, 4, 1))
    assert through_plane_axis(turned) == 1
    oblique = np.eye(4)
    oblique[:3, :3] = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]]) @ np.diag([3, 1, 1])
    np.testing.assert_allclose(voxel_size(oblique), (3, 1, 1))
    assert through_plane_axis(oblique) == 0


@pytest.mark.parametrize(
    ("shape", "sizes", "axis"),
    [
        ((10, 20, 99), (1, 1, 1), 1),
        ((20, 10, 99), (1, 1, 1), 0),
        ((20, 20, 99), (1, 1, 1), 0),
        ((99, 10, 20), (5, 1, 1), 2),
        ((10, 99, 20), (1, 5, 1), 2),
    ],
)
def test_longest_in_plane_axis(shape, sizes, axis):
    assert longest_in_plane_axis(shape, spaced(*sizes)) == axis


def test_region_box():
    assert region_box("1:4,0:3,2:5", (5, 6, 7)) == ((1, 4), (0, 3), (2, 5))
    assert region_box(":,0:64,:", (100, 128, 9)) == ((0, 100), (0, 64), (0, 9))
    assert region_box(" 3: , :2 ,: ", (5, 6, 7)) == ((3, 5), (0, 2), (0, 7))
    assert region_box("0:5,0:6,0:7", (5, 6, 7)) == region_box(None, (5, 6, 7)) == region_box("", (5, 6, 7))
    assert parse_region("1:,:2,:") == ((1, None), (None, 2), (None, None))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1:2",
        "1:2,3:4",
        "1:2,3:4,5:6,7:8",
        "a:b,:,:",
        "-3:,:,:",
        "1-2,:,:",
        "1:4:2,:,:",
        "[1,2]",
        "0:" + "9" * 20 + ",:,:",
    ],
)
def test_malformed_regions_are_refused(text):
    with pytest.raises(ValueError, match="x0:x1,y0:y1,z0:z1") as error:
        parse_region(text)
    assert str(error.value).startswith(f"--region {text}: ")


@pytest.mark.parametrize("value", [[], {}, 0, False])
def test_what_is_no_text_is_no_whole_volume(value):
    with pytest.raises(ValueError, match="x0:x1,y0:y1,z0:z1"):
        region_box(value, (5, 6, 7))


@pytest.mark.parametrize(
    ("text", "axis"),
    [("0:6,:,:", "X"), (":,0:7,:", "Y"), (":,:,9:", "Z"), ("3:3,:,:", "X"), (":,4:2,:", "Y"), (":,:,0:0", "Z")],
)
def test_regions_that_do_not_fit_name_the_axis(text, axis):
    with pytest.raises(ValueError, match=f"axis {axis} has the voxels 0:"):
        region_box(text, (5, 6, 7))


def test_rounding_does_not_move_a_grid_and_a_voxel_does():
    shifted = SHEARED.copy()
    shifted[:3, 3] += SHEARED[:3, 0]
    assert same_grid(SHEARED * (1 + 1e-7), SHEARED, (300, 300, 300))
    assert not same_grid(shifted, SHEARED, (300, 300, 300))
    assert not same_grid(SHEARED, np.zeros((4, 4)), (3, 3, 3))
