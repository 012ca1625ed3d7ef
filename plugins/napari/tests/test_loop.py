"""The whole loop in a real viewer: open, segment, paint, fine-tune, segment again, compare, undo."""

import numpy as np
import pytest
from tubenet_napari.session import Session

from scripts.io import read_header, read_volume

BOX = "0:64,0:64,0:32"


def dice(found, true):
    return 2 * np.count_nonzero((found > 0) & (true > 0)) / (np.count_nonzero(found) + np.count_nonzero(true))


def test_the_whole_loop(desk, volume, truth, tmp_path, notes):
    widget = desk.widget
    before = volume.read_bytes()
    image = desk.open(volume)
    np.testing.assert_allclose(image.scale, (2, 1, 1))
    assert str(image.units[0]) == "micrometer"

    labels = desk.segment_box(BOX)
    assert labels.data.shape == (32, 64, 64)
    np.testing.assert_allclose(labels.scale, image.scale)
    assert dice(labels.data, truth[:, :64, :64]) > 0.5
    first = labels.data.copy()

    block = desk.correct_all(truth)
    assert "100 %" in widget.correct.told.text()
    widget.finetune.epochs.value, widget.finetune.steps.value = 2, 3
    widget.finetune.finetune()
    assert (desk.workspace.session.file_of(block, "corrected")).exists()  # before anything is learnt
    assert desk.wait()[1] == "done"
    assert not [note for note in notes() if "error" in note.lower()]
    session = desk.workspace.session
    assert len(widget.finetune.curve.dice) == 2
    made = session.weights[1]
    assert session.current == 1
    assert made.parent == 0
    assert made.seconds > 0
    assert made.after > made.before
    assert f"{made.before:.3f} before, {made.after:.3f} after" in widget.finetune.told.text()

    # the marked box was segmented again, beside what was painted
    assert (labels.data == truth[:, :64, :64]).all()
    after = desk.workspace.layer_of(block, "result 1")
    assert dice(after.data, truth[:, :64, :64]) > dice(first, truth[:, :64, :64]) + 0.05

    widget.finetune.compare.native.click()
    earlier = desk.workspace.layer_of(block, "result 0")
    assert (earlier.data == first).all()
    assert (earlier.visible, after.visible, labels.visible) == (False, True, False)
    widget.finetune.compare.native.click()
    assert (earlier.visible, after.visible) == (True, False)

    widget.finetune.undo_training()
    assert session.current == 0
    assert Session.open(session.folder).current == 0
    assert not widget.finetune.undo.enabled
    desk.segment_box("32:96,0:64,0:32")
    assert session.blocks["box 2"].made_by(0)
    assert volume.read_bytes() == before
    assert [path.name for path in volume.parent.iterdir()] == [volume.name]


def test_export_keeps_kind_and_geometry(desk, volume, tmp_path):
    desk.open(volume)
    desk.widget.segment.what.value = "all of it"
    desk.widget.segment.segment()
    assert desk.wait()[1] == "done"
    desk.widget.export.labels.value = desk.viewer.layers["all 1 labels"]
    desk.widget.export.save_labels(tmp_path / "out.tif")
    found, original = read_header(tmp_path / "out.tif"), read_header(volume)
    assert (found.kind, found.shape, found.unit, found.voxel_size) == (
        original.kind,
        original.shape,
        original.unit,
        original.voxel_size,
    )
    assert (read_volume(tmp_path / "out.tif")[1].transpose(2, 1, 0) == desk.viewer.layers["all 1 labels"].data).all()


def test_weights_are_exported_with_their_sidecar_or_refused(desk, volume, tmp_path, notes):
    desk.open(volume)
    desk.widget.export.save_weights(tmp_path / "mine.pt")
    assert "nothing was taught" in notes()[-1]
    assert not (tmp_path / "mine.pt").exists()


@pytest.mark.parametrize("box", ["0:500,:,:", "7", "0:1,0:64,0:32"])
def test_a_box_that_is_none_is_refused_in_one_line(desk, volume, notes, box):
    desk.open(volume)
    desk.widget.segment.what.value = "a box"
    desk.widget.segment.box.value = box
    desk.widget.segment.segment()
    assert not desk.runner.is_busy
    assert box in notes()[-1]
    assert "\n" not in notes()[-1]
