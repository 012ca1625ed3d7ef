"""Suggested boxes, and the session that they are kept in."""

import json
import re
import shutil

import numpy as np
import pytest
from tubenet_napari.session import Session, Weights

from scripts.core import UserError, box_text

BOX = ((16, 80), (8, 72), (0, 32))


def test_suggested_boxes_are_walked_through(desk, volume, suggested):
    widget, viewer = desk.widget, desk.viewer
    desk.open(volume)
    desk.take_suggested(suggested)
    assert [widget.suggest.list.item(row).text() for row in range(2)] == [
        "suggested 1: x 16–80, y 8–72, z 0–32   (1)",
        "suggested 2: x 0–48, y 0–48, z 0–32   (0.75)",
    ]
    widget.suggest.go_to(0)
    labels = desk.workspace.layer_of(widget.suggest.suggested()[0])
    assert viewer.layers.selection.active is labels
    np.testing.assert_allclose(labels.translate, (0, 8, 16))
    np.testing.assert_allclose(viewer.dims.point, (31, 39.5, 47.5), atol=2)
    widget.suggest.done()
    assert widget.suggest.list.item(0).text().startswith("✓ ")
    assert widget.suggest.list.currentRow() == 1
    (marked,) = widget.correct.marked()
    assert marked.mark.all()
    assert (marked.block.name, marked.bounds) == ("suggested 1", BOX)


def test_boxes_of_later_weights_come_first_and_the_chosen_one_stays_chosen(desk, volume, suggested):
    suggest = desk.widget.suggest
    desk.open(volume)
    desk.take_suggested(suggested)
    suggest.go_to(1)
    desk.workspace.session.add_weights(Weights("later.pt", 0))
    told = json.loads((suggested / "blocks.json").read_text())
    for number, (score, box) in enumerate(((0.1, "0:32,0:32,0:32"), (0.2, "32:64,0:32,0:32"))):
        segmentation = told["blocks"][0]["segmentation"]
        told["blocks"].append({"name": str(2 + number), "box": box, "score": score, "segmentation": segmentation})
    (suggested / "blocks.json").write_text(json.dumps(told))
    desk.take_suggested(suggested)
    assert [block.score for block in suggest.suggested()] == [0.2, 0.1, 1.0, 0.75]
    old = suggest.suggested()[2]
    old.add(1, old.latest)
    old.add(0, old.latest)  # segmented by the later weights, and by these once more
    assert [block.score for block in suggest.suggested()] == [0.2, 0.1, 1.0, 0.75]
    assert suggest.list.currentItem().text().startswith("suggested 2: ")


def test_a_box_that_cannot_be_marked_is_not_done(desk, volume, suggested, notes):
    suggest = desk.widget.suggest
    desk.open(volume)
    desk.take_suggested(suggested)
    suggest.list.setCurrentRow(0)
    first, second = suggest.suggested()
    desk.viewer.layers.remove(desk.workspace.layer_of(second))
    first.latest.unlink()
    suggest.done()
    assert notes()[-1] == "suggested 1: its labels are not there any more; segment this box once more"
    assert suggest.list.currentRow() == 0
    assert suggest.list.item(0).text().startswith("suggested 1")


def test_boxes_are_suggested_by_the_bundle(desk, volume):
    desk.open(volume)
    desk.widget.suggest.count.value = 1
    desk.widget.suggest.suggest()
    title, outcome, problem = desk.wait()
    assert outcome == "done", (title, problem)
    (block,) = desk.widget.suggest.suggested()
    desk.widget.suggest.go_to(0)
    assert desk.workspace.layer_of(block).data.shape == tuple(stop - start for start, stop in block.box[::-1])

    said = []
    desk.runner.said.connect(said.append)
    desk.widget.suggest.done()
    desk.widget.suggest.suggest()
    _, outcome, problem = desk.wait()
    assert any("--labelled" in line and box_text(block.box) in line for line in said)
    assert outcome == "failed"
    assert "has no block of 64×64×32 voxels left" in problem  # the volume holds one


def test_suggested_boxes_stay_with_the_volume_that_was_looked_through(desk, volume, suggested, tmp_path, notes):
    """Another volume, and other weights, are chosen before the job ends."""
    widget = desk.widget
    desk.open(volume)
    session = desk.workspace.began()
    session.weights.append(Weights("later.pt", 0))
    shutil.copytree(suggested, session.folder / "suggested")
    widget.suggest.suggest()
    job = desk.runner.job
    desk.runner.close()  # what it would find is there already; what counts is how it ends
    other = desk.open(shutil.copy(volume, tmp_path / "other.tif"))
    widget.segment.volume.value = other
    beside = desk.workspace.began()
    session.use(1)
    job.done()
    assert [list(block.segmentations) for block in session.blocks.values()] == [["0"], ["0"]]
    assert len(Session.open(session.folder).blocks) == 2
    assert beside.blocks == {}
    assert widget.suggest.list.count() == 0
    assert "Go on with its session" in notes()[-1]
    with pytest.raises(UserError, match=re.escape(f"lists boxes of {volume}, not of {tmp_path / 'other.tif'}; ")):
        desk.take_suggested(suggested)
    assert beside.blocks == {}

    widget.segment.volume.value = desk.viewer.layers[volume.stem]
    widget.segment.go_on.click()
    assert desk.workspace.session is session  # a job that began before goes on writing into it
    assert widget.suggest.list.count() == 2


def test_boxes_that_are_done_are_ticked_by_their_marks(desk, volume, suggested, tmp_path):
    """Also in a viewer that is started anew; boxes of the same name in another session are not."""
    widget = desk.widget

    def ticked():
        texts = [widget.suggest.list.item(row).text() for row in range(widget.suggest.list.count())]
        return [text.startswith("✓") for text in texts]

    desk.open(volume)
    desk.take_suggested(suggested)
    widget.suggest.go_to(0)
    widget.suggest.done()
    assert ticked() == [True, False]

    other = shutil.copy(volume, tmp_path / "other.tif")
    told = json.loads((suggested / "blocks.json").read_text())
    (suggested / "blocks.json").write_text(json.dumps({**told, "volume": other.as_posix()}))
    widget.segment.volume.value = desk.open(other)
    desk.take_suggested(suggested)
    assert ticked() == [False, False]

    desk.viewer.layers.clear()  # which saves the marks
    desk.workspace._known.popitem()[1].release()
    desk.workspace._known.popitem()[1].release()
    desk.open(volume)
    widget.segment.go_on.click()
    assert ticked() == [True, False]
    desk.viewer.layers.remove("suggested 1 labelled here")
    desk.workspace.changed.emit()
    assert ticked() == [True, False]
    widget.suggest.go_to(0)
    widget.correct.clear()
    desk.workspace.save_corrections()
    assert ticked() == [False, False]


def test_a_damaged_list_is_refused_in_one_line(desk, volume, tmp_path):
    desk.open(volume)
    (tmp_path / "blocks.json").write_text('{"blocks": [{"box": "0:32,0:32,0:32"}]}')
    with pytest.raises(UserError, match="is damaged"):
        desk.take_suggested(tmp_path)


def test_a_session_is_gone_on_with(desk, volume, suggested, qtbot):
    widget = desk.widget
    desk.open(volume)
    desk.take_suggested(suggested)
    widget.suggest.go_to(0)
    labels = desk.workspace.layer_of(widget.suggest.suggested()[0])
    labels.data[5, 5, 5] = 3
    labels.refresh()
    desk.workspace.touch("suggested 1")
    widget.correct.mark_slices()
    desk.workspace.save_corrections()
    folder = desk.workspace.session.folder
    desk.viewer.layers.clear()
    desk.open(volume)
    assert desk.workspace.session is None
    assert not widget.segment.offer.isHidden()
    assert "2 boxes, 0 fine-tunings" in widget.segment.offered.text()
    widget.segment.go_on.click()
    assert desk.workspace.session.folder == folder
    labels = desk.workspace.layer_of(widget.suggest.suggested()[0])
    assert labels.data[5, 5, 5] == 3
    mark = desk.workspace.mark_of(widget.suggest.suggested()[0])
    assert mark.data.any(axis=(1, 2)).sum() == 1
    assert Session.open(folder).summary == "2 boxes, 0 fine-tunings"
