"""The skeleton as points coloured by radius, a click that selects a branch, and its figures."""

import numpy as np
import pytest
from napari.utils.interactions import mouse_press_callbacks, mouse_release_callbacks

from scripts.io import write_volume
from tests.conftest import Mouse


@pytest.fixture
def measured(desk, tmp_path):
    """A straight tube along X with a radius of 4 voxels of 0.5×0.5×1 µm, measured."""
    tube = np.zeros((48, 24, 16), np.uint8)  # (X, Y, Z)
    _, y, z = np.meshgrid(*map(np.arange, tube.shape), indexing="ij")
    tube[((y - 12) * 0.5) ** 2 + ((z - 8) * 1.0) ** 2 <= 2.0**2] = 1
    image = write_volume(tmp_path / "tube.tif", tube * 200, voxel_size=(0.5, 0.5, 1), unit="µm")
    desk.open(image)
    desk.open(write_volume(tmp_path / "tube_seg.tif", tube, voxel_size=(0.5, 0.5, 1), unit="µm"))
    desk.widget.measure.labels.value = desk.viewer.layers["tube_seg"]
    desk.widget.measure.measure()
    assert desk.wait()[1] == "done"
    return desk


def test_the_skeleton_lies_in_the_tube_and_has_its_radius(measured):
    skeleton = measured.viewer.layers["skeleton"]
    world = np.array([skeleton.data_to_world(point) for point in skeleton.data])  # along Z, Y, X
    assert np.abs(world[:, 0] - 8).max() < 1
    assert np.abs(world[:, 1] - 6).max() < 0.5
    assert np.median(skeleton.features["radius"]) == pytest.approx(2, abs=0.3)
    assert "1 branches" in measured.widget.measure.told.text()
    assert "µm" in measured.widget.measure.told.text()


def test_a_click_selects_a_branch_and_tells_its_figures(measured):
    viewer, widget = measured.viewer, measured.widget.measure
    viewer.dims.set_point(0, 8)
    skeleton = viewer.layers["skeleton"]
    click = Mouse(skeleton.data_to_world(skeleton.data[len(skeleton.data) // 2]), [1, 2])
    mouse_press_callbacks(skeleton, click)
    click.type = "mouse_release"
    mouse_release_callbacks(skeleton, click)
    text = widget.branch.text()
    assert text.startswith("Branch 0: length ")
    length = float(text.split("length ")[1].split()[0])
    assert length == pytest.approx(widget.network.rows[0]["length"], rel=1e-3)
    assert 18 < length < 25  # of a tube of 24 µm, the ends of whose centre line are not quite at its ends
    assert "selected branch" in viewer.layers
    viewer.dims.ndisplay = 3
    widget.select(0)


def test_layers_of_the_same_names_stay_and_ours_may_be_renamed(measured):
    viewer, widget = measured.viewer, measured.widget.measure
    skeleton = viewer.layers["skeleton"]
    skeleton.name = "vessels"
    own = [viewer.add_points(np.zeros((1, 3)), name=name) for name in ("skeleton", "selected branch")]
    widget.select(0)
    widget.select(0)
    place = {"scale": skeleton.scale, "translate": skeleton.translate, "units": skeleton.units}
    widget.show_network(widget.network, place)
    assert all(layer in viewer.layers for layer in own)
    assert [layer.name for layer in viewer.layers[-3:]] == ["skeleton", "selected branch", "skeleton [1]"]
    assert skeleton not in viewer.layers


def test_an_empty_segmentation_is_told_in_one_line(desk, tmp_path, notes):
    empty = np.zeros((32, 32, 16), np.uint8)
    desk.open(write_volume(tmp_path / "a.tif", empty + 1))
    desk.open(write_volume(tmp_path / "a_seg.tif", empty))
    desk.widget.measure.labels.value = desk.viewer.layers["a_seg"]
    desk.widget.measure.measure()
    _, outcome, problem = desk.wait()
    assert (outcome, "\n" in problem) == ("failed", False)
    assert "no vessel" in problem
