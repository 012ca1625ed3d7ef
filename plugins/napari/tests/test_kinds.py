"""Volumes of other kinds: layers from memory, thin stacks, no voxel size, several classes, channels."""

import numpy as np
import pytest

from scripts.io import read_header, read_volume, write_volume


@pytest.fixture
def array(volume):
    """Voxels of a synthetic volume, `(Z, Y, X)` uint8."""
    return read_volume(volume)[1].transpose(2, 1, 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float64])
def test_a_layer_from_memory_is_segmented(desk, array, dtype):
    layer = desk.viewer.add_image(array.astype(dtype), name="in memory", scale=(2, 1, 1), units=("µm",) * 3)
    labels = desk.segment_box("0:64,0:64,0:32")
    assert labels.data.any()
    np.testing.assert_allclose(labels.scale, layer.scale)
    info = read_header(desk.workspace.session.volume)
    assert info.unit == "µm"
    np.testing.assert_allclose(info.voxel_size, (0.001, 0.001, 0.002))


def test_a_thin_stack_without_voxel_size_in_view(desk, array, tmp_path):
    path = write_volume(tmp_path / "thin.tif", np.ascontiguousarray(array[:15].transpose(2, 1, 0)))
    desk.open(path)
    desk.viewer.reset_view()
    segment = desk.widget.segment
    desk.qtbot.waitUntil(lambda: segment.told.text() != "", timeout=5000)
    assert segment.told.text() == "96×80×15 voxels: 0:96,0:80,0:15"
    segment.segment()
    assert desk.wait()[1] == "done"
    labels = desk.workspace.layer_of(desk.widget.correct.chosen())
    assert labels.data.shape == (15, 80, 96)
    assert {str(unit) for unit in labels.units} == {"pixel"}
    desk.viewer.scene.camera.zoom *= 4
    desk.qtbot.waitUntil(lambda: not segment.told.text().startswith("96×80"), timeout=5000)
    sides = [stop - start for start, stop in segment.chosen_box()]
    assert sides[0] < 48
    assert sides[2] == 15


def test_what_is_no_volume_is_refused_in_one_line(desk, notes):
    desk.viewer.add_image(np.zeros((20, 20)), name="flat")
    desk.widget.segment.segment()
    assert not desk.runner.is_busy
    assert "flat: is no 3-D volume" in notes()[-1]


def test_a_box_is_as_the_whole(desk, volume):
    """Its border has voxels around it, and its intensities are scaled as those of the whole."""
    desk.open(volume)
    labels = desk.segment_box("16:80,8:72,0:32").data.copy()
    desk.widget.segment.what.value = "all of it"
    desk.widget.segment.segment()
    assert desk.wait()[1] == "done"
    whole = desk.viewer.layers["all 1 labels"].data
    assert (labels != whole[:, 8:72, 16:80]).mean() < 0.002


def test_only_the_marked_part_is_taught_and_three_classes_are(desk, volume, truth):
    desk.open(volume)
    desk.segment_box("0:64,0:64,0:32")
    block = desk.widget.correct.chosen()
    layer = desk.workspace.layer_of(block)
    painted = truth[:, :64, :64].astype(np.uint8)
    painted[:, 32:][painted[:, 32:] > 0] = 2  # veins
    layer.data = painted
    desk.viewer.dims.set_point(0, 2 * 16)
    desk.widget.correct.through.value = 20
    shown = desk.widget.correct.layers_of(block)
    desk.widget.correct.mark_rectangle(shown, np.array([[16, 0, 0], [16, 0, 47], [16, 63, 47], [16, 63, 0]]))
    assert "61,440 voxels are marked" in desk.widget.correct.told.text()
    desk.widget.finetune.epochs.value, desk.widget.finetune.steps.value = 1, 1
    desk.widget.finetune.again.value = False
    desk.widget.finetune.finetune()
    assert desk.wait()[1] == "done"
    (label,) = (desk.workspace.session.folder / "datasets").glob("*/labels/*")
    _, told = read_volume(label)
    assert sorted(np.unique(told)) == [0, 1, 2, 254]
    assert np.count_nonzero(told != 254) == 20 * 64 * 48
    (image,) = (desk.workspace.session.folder / "datasets").glob("*/images/*")
    assert read_header(image).intensity_range is not None
    assert desk.workspace.session.current == 1


def test_a_mark_without_vessels_is_refused(desk, volume, notes):
    desk.open(volume)
    desk.segment_box("0:64,0:64,0:32")
    desk.widget.finetune.finetune()
    assert "nothing is marked" in notes()[-1]
    desk.workspace.layer_of(desk.widget.correct.chosen()).data[:] = 0
    desk.widget.correct.mark_all()
    desk.widget.finetune.finetune()
    assert "there is no vessel" in notes()[-1]
    assert not desk.runner.is_busy
