"""What a person's segments mean: classes, and which part is labelled."""

from pathlib import Path

import numpy as np
import pytest

from scripts.io import Segment
from scripts.monailabel.dicomweb.label import label_of

HERE = Path("seg.dcm")
ONE = ["background", "vessel"]
TWO = ["background", "artery", "vein"]


def segment(number, name, kind="", *at):
    voxels = np.zeros((4, 4, 4), bool)
    for index in at:
        voxels[index] = True
    return Segment(number, name, kind, voxels)


@pytest.mark.parametrize(
    ("name", "kind", "names", "value"),
    [
        ("Vessels", "", ONE, 1),
        ("Segment 1", "", ONE, 1),
        ("my own word", "artery", ONE, 1),
        ("vein", "vessel", TWO, 2),
        ("left", "artery", TWO, 1),
        ("Segment 2", "", TWO, 2),
    ],
)
def test_which_class_a_segment_is(name, kind, names, value):
    label = label_of(HERE, [segment(1, name, kind, (1, 2, 3))], names)
    assert label[1, 2, 3] == value
    assert np.count_nonzero(label) == 1


@pytest.mark.parametrize(
    ("name", "kind", "names"),
    [("liver", "", ONE), ("Segment 3", "", TWO), ("x", "vessel", TWO), ("Segment 0", "", ONE)],
)
def test_anything_else_is_left_out(name, kind, names, caplog):
    other = segment(2, name, kind, (0, 0, 0))
    with pytest.raises(ValueError, match=f"none of its segments is {names[1]}"):
        label_of(HERE, [other], names)
    label = label_of(HERE, [segment(1, names[1], "", (1, 1, 1)), other], names)
    assert np.argwhere(label).tolist() == [[1, 1, 1]]
    assert "segment 2 is none of" in caplog.text


def test_two_dabs_say_which_part_is_done():
    vessel = segment(1, "vessel", "", (1, 1, 1), (3, 3, 3))
    label = label_of(HERE, [vessel, segment(2, "labelled", "", (0, 0, 1), (2, 3, 2))], ONE)
    assert (label[:3, :, 1:3] >= 0).all()
    assert np.count_nonzero(label >= 0) == 3 * 4 * 2
    assert label[1, 1, 1] == 1
    assert label[3, 3, 3] == -1


def test_what_is_marked_as_not_labelled():
    label = label_of(HERE, [segment(1, "vessel", "", (1, 1, 1)), segment(2, "Unlabelled", "", (0, 0, 0))], ONE)
    assert (label[1, 1, 1], label[0, 0, 0], np.count_nonzero(label)) == (1, -1, 2)


def test_a_part_without_vessels_is_a_label_too():
    label = label_of(HERE, [segment(2, "labelled", "", (0, 0, 0), (1, 3, 3))], ONE)
    assert (np.count_nonzero(label == 0), np.count_nonzero(label == -1)) == (32, 32)


def test_no_segment():
    with pytest.raises(ValueError, match="it has no segment"):
        label_of(HERE, [], ONE)


@pytest.mark.parametrize("kind", ["vessel", "artery"])
def test_what_says_what_is_labelled_is_no_vessel_whatever_its_code(kind):
    """Viewers give each segment a code, and the first in their list may be a vessel's."""
    vessel = segment(1, "vessel", "", (1, 1, 1))
    label = label_of(HERE, [vessel, segment(2, " Labelled ", kind, (0, 0, 0), (2, 2, 2))], ONE)
    assert (label[0, 0, 0], label[1, 1, 1], label[2, 2, 2], label[3, 3, 3]) == (0, 1, 0, -1)
    alone = label_of(HERE, [vessel, segment(2, "unlabelled", kind, (0, 0, 0))], ONE)
    assert (alone[0, 0, 0], alone[1, 1, 1], alone[2, 2, 2]) == (-1, 1, 0)
    with pytest.raises(ValueError, match="none of its segments is vessel"):
        label_of(HERE, [segment(2, "unlabelled", kind, (0, 0, 0))], ONE)
