"""Lines in the middle of vessels, where these end, and radii, all finer than a voxel."""

import numpy as np
import pytest

from scripts.morphometry import measure
from tests.morphometry.examples import tube

MIDDLE = (0.3, 0.2, 0.4)  # of no voxel


@pytest.mark.parametrize("radius", [2.0, 3.5, 6.0])
@pytest.mark.parametrize("end", [(60, 20, 20), (45, 37, 28), (52, 20, 34)], ids=str)
def test_an_oblique_line_lies_in_the_middle(radius, end):
    start, end = np.add((12, 12, 12), MIDDLE), np.add(end, MIDDLE)
    [branch] = measure(tube([start, end], radius, (75, 50, 50)), (1, 1, 1)).branches
    along = (end - start) / np.linalg.norm(end - start)
    across = branch.points - start
    across -= (across @ along)[:, None] * along
    assert np.linalg.norm(across, axis=1).max() < 0.5
    assert abs(np.mean(branch.radii) - radius) < 0.15
    assert np.abs(branch.radii - radius).max() < 0.5
    assert branch.length == pytest.approx(np.linalg.norm(end - start), abs=1.5)


def test_a_flat_end_is_at_the_tip_and_a_round_one_a_radius_before_it():
    mask = tube([(-99, 20, 20), (150, 20, 20)], 5, (70, 41, 41))
    mask[:10] = mask[50:] = False
    assert measure(mask, (1, 1, 1)).branches[0].length == pytest.approx(40, abs=0.5)
    mask = tube([(15, 20, 20), (50, 20, 20)], 5, (70, 41, 41))
    assert measure(mask, (1, 1, 1)).branches[0].length == pytest.approx(35, abs=1)


@pytest.mark.parametrize("width", [3, 4, 5])
def test_a_box_is_as_long_as_it_is(width):
    mask = np.zeros((40, 24, 24), bool)
    mask[5:35, 6 : 6 + width, 6 : 6 + width] = True
    assert measure(mask, (1, 1, 1)).branches[0].length == pytest.approx(30, abs=0.5)


def test_a_vessel_that_leaves_the_volume_ends_at_its_border():
    mask = tube([(-99, 12, 15), (150, 12, 15)], 4, (50, 25, 31))
    network = measure(mask, (2, 2, 2))
    assert network.branches[0].length == pytest.approx(100, abs=0.01)
    assert sorted(row["x"] for row in network.node_rows()) == pytest.approx([-1, 99], abs=0.01)


def test_one_that_only_touches_the_border_ends_before_it():
    mask = tube([(8, 12, 15), (45, 12, 15)], 4, (50, 25, 31))  # its tip is in the last voxel
    assert measure(mask, (1, 1, 1)).branches[0].length == pytest.approx(37, abs=0.7)


def test_a_vessel_between_two_slices_has_its_true_radius():
    """Slices 5 apart, 2.5 above and below its axis: the nearest background is 5 away, and its radius is 7."""
    voxel_size = (1, 1, 5)
    mask = tube([(-99, 30, 27.5), (199, 30, 27.5)], 7, (80, 60, 12), voxel_size)
    [branch] = measure(mask, voxel_size).branches
    assert np.mean(branch.radii) == pytest.approx(7, abs=0.3)
    assert np.abs(branch.points[:, 2] - 27.5).max() < 0.5
