"""What is marked, in which box, and what becomes of it when other boxes, volumes and layers come and go."""

import numpy as np
import pytest
from napari.utils.interactions import mouse_move_callbacks, mouse_press_callbacks, mouse_release_callbacks
from tubenet_napari.labels import mark_in
from tubenet_napari.session import Weights
from tubenet_napari.writer import NOT_LABELLED

from scripts.io import read_volume, write_volume
from tests.conftest import Mouse
from tests.test_corrections import begin, choose_another

OTHER = ((48, 80), (40, 72), (0, 32))
LOW, HALF, HIGH = (4, 6), (10, 16), (12, 20)  # corners of a rectangle in a box, along Y, X


@pytest.fixture
def two(desk, volume, truth, tmp_path):
    """A session of two boxes, the first of which is chosen, at a slice of both."""
    desk.open(volume)
    session, first, _ = begin(desk, truth, tmp_path / "found.nii.gz")
    second = add_box(session, truth, tmp_path / "other.nii.gz")
    desk.workspace.changed.emit()
    desk.viewer.dims.set_point(0, 2 * 10)
    return desk, session, first, second


def add_box(session, truth, path):
    """Add a second box to a session, with its first segmentation."""
    block = session.add_block(OTHER)
    found = truth[tuple(slice(*bounds) for bounds in OTHER[::-1])].astype(np.uint8)
    block.add(0, write_volume(path, found.transpose(2, 1, 0), voxel_size=(1, 1, 2), unit="µm"))
    session.save()
    return block


def draw(desk, meanwhile):
    """Draw a rectangle by mouse in the chosen box, and do something when it is half drawn; return its layer."""
    desk.widget.correct._draw()
    shapes = desk.viewer.layers.selection.active
    corners = [shapes.data_to_world((10, *corner)) for corner in (LOW, HALF, HIGH)]
    mouse = Mouse(corners[0], [1, 2])
    mouse_press_callbacks(shapes, mouse)
    mouse.type, mouse.position, mouse.is_dragging = "mouse_move", corners[1], True
    mouse_move_callbacks(shapes, mouse)
    meanwhile()
    mouse.position = corners[2]
    mouse_move_callbacks(shapes, mouse)
    mouse.type = "mouse_release"
    mouse_release_callbacks(shapes, mouse)
    return shapes


def marked(desk, session, block):
    """The bounds of what is marked in a block's file, along X, Y; None if nothing is."""
    desk.workspace.save_corrections()
    path = session.file_of(block, "labelled")
    if not path.exists():
        return None
    x, y, _ = np.nonzero(read_volume(path)[1])
    return (x.min(), x.max(), y.min(), y.max()) if len(x) else None


@pytest.mark.parametrize("how", ["by hand", "by a job that ends", "by another volume"])
def test_a_rectangle_is_marked_in_the_box_that_it_was_begun_in(two, volume, truth, tmp_path, how):
    desk, session, first, second = two
    correct = desk.widget.correct
    correct.block.value = first.name

    def meanwhile():
        if how == "by hand":
            correct.block.value = second.name
        elif how == "by a job that ends":
            third = session.add_block(((0, 32), (0, 32), (0, 32)))
            desk.widget.segment._take(session, third, 0, first.latest, third.box)
            assert correct.block.value == first.name
            assert desk.workspace.drawn_in() is not None  # it can be drawn to its end
        else:
            choose_another(desk, volume, tmp_path)
            begin(desk, truth, tmp_path / "third.nii.gz")

    shapes = draw(desk, meanwhile)
    assert shapes not in desk.viewer.layers
    assert marked(desk, session, first) == (LOW[1], HIGH[1], LOW[0], HIGH[0])
    assert marked(desk, session, second) is None


def test_a_rectangle_of_a_box_that_was_removed_is_refused_in_one_line(two, notes):
    desk, session, first, _ = two
    desk.widget.correct.block.value = first.name
    mark = desk.workspace.mark_of(first)
    draw(desk, lambda: desk.viewer.layers.remove(mark))
    assert "box 1 labelled here: was removed while the rectangle was drawn; choose its box" in notes()[-1]
    assert marked(desk, session, first) is None


def test_a_marked_box_teaches_when_its_layers_are_removed(two):
    """And is not suggested, and its marks stay when one goes on with them."""
    desk, session, first, second = two
    widget = desk.widget
    for block, value in ((first, 1), (second, 2)):
        widget.correct.block.value = block.name
        shown = widget.correct.layers_of(block)
        shown.labels.data_setitem((np.array([3]), np.array([4]), np.array([5])), value)
        widget.correct.mark(shown, (slice(2, 6), slice(None), slice(None)))
    widget.correct.block.value = first.name
    for kind in ("labels", "labelled here"):
        desk.viewer.layers.remove(f"box 1 {kind}")
    assert "4,096 voxels are marked" in widget.correct.told.text()

    widget.suggest.suggest()
    words = desk.runner.job.steps[0].command()
    desk.runner.close()
    assert words[words.index("--labelled") + 1] == "['16:48,8:40,2:6', '48:80,40:72,2:6']"

    widget.finetune.finetune()
    desk.runner.close()
    taught = [read_volume(path)[1] for path in sorted((session.folder / "datasets").glob("*/labels/*"))]
    assert [np.count_nonzero(each != NOT_LABELLED) for each in taught] == [4096, 4096]
    assert [each[np.nonzero(each != NOT_LABELLED)].max() for each in taught] == [1, 2]

    desk.viewer.dims.set_point(0, 2 * 8)
    widget.correct.mark_slices()
    assert widget.correct.marked()[0].bounds == (*first.box[:2], (2, 9))


def test_what_a_box_without_layers_was_segmented_again_is_shown_as_a_result(two):
    desk, session, first, _ = two
    desk.workspace.corrections.touch(session, first)
    desk.workspace.save_corrections()
    desk.viewer.layers.remove("box 1 labels")
    session.add_weights(Weights("later.pt", 0))
    desk.widget.segment._take(session, first, 1, first.latest, first.box)
    assert desk.workspace.layer_of(first, "result 1") is not None
    assert desk.workspace.layer_of(first) is None


def test_the_new_result_is_taken_over_in_the_chosen_box_only(two, tmp_path, notes):
    """What was painted outside of the marks is counted, can be undone, and is kept in a file."""
    desk, session, first, second = two
    widget = desk.widget
    shown = {}
    for block in (first, second):
        shown[block.name] = widget.correct.layers_of(block)
        new = write_volume(tmp_path / f"{block.name}.nii.gz", np.full((32, 32, 32), 3, np.uint8))
        block.add(0, write_volume(tmp_path / f"{block.name}_0.nii.gz", np.zeros((32, 32, 32), np.uint8)))
        block.add(1, new)
        labels = shown[block.name].labels
        labels.data[:] = 0
        labels.data[0, 0, :5] = 1  # painted, and marked
        labels.data[9, 0, :7] = 1  # painted
        widget.correct.mark(shown[block.name], (slice(0, 2), slice(None), slice(None)))
    widget.correct.block.value = first.name
    widget.finetune.take_over()

    labels, other = (shown[block.name].labels.data for block in (first, second))
    assert (other[9, 0] == 1).sum() == 7
    assert (other == 3).sum() == 0
    assert (labels[:2] == 3).sum() == 0
    assert (labels[0, 0] == 1).sum() == 5
    assert (labels[2:] == 3).all()
    copy = session.file_of(first, "corrected-1")
    assert "box 1: its new result is painted in now, in place of 7 painted voxels that had no mark;" in notes()[-1]
    assert str(copy) in notes()[-1]
    assert (read_volume(copy)[1] == 1).sum() == 12

    desk.viewer.layers.selection.active.undo()
    desk.workspace.save_corrections()
    assert (read_volume(session.file_of(first, "corrected"))[1] == 1).sum() == 12
    widget.finetune.take_over()
    assert session.file_of(first, "corrected-2").exists()
    widget.finetune.take_over()
    assert not session.file_of(first, "corrected-3").exists()
    assert notes()[-1] == "box 1: its new result changes nothing outside of what is marked"


def test_a_box_that_was_segmented_once_has_no_new_result(two, notes):
    two[0].widget.finetune.take_over()
    assert "box 2: was segmented once only; choose another box" in notes()[-1]


def test_a_box_without_marks_takes_no_memory_for_them(two):
    """It may be a volume of a terabyte that was segmented as a whole."""
    desk, session, first, _ = two
    first.box = ((0, 10_000),) * 3
    for layer in ("box 1 labels", "box 1 labelled here"):
        desk.viewer.layers.remove(layer)
    assert mark_in(desk.viewer, session, first) is None
    assert desk.widget.correct.marked() == []
