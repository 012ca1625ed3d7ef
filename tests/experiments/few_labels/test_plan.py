"""What trains and what is scored: apart, with a margin, and told where there is no room."""

from itertools import pairwise

import numpy as np
import pytest

from experiments.few_labels.plan import BLOCK, SLICES, SPLIT, WHOLE, cuts_of
from scripts.study import LabelledVolume, Part

STACK = np.diag([1e-3, 1e-3, 5e-3, 1])


def volume(shape=(96, 64, 15), vessel=0.2):
    label = (np.random.default_rng(0).random(shape) < vessel).astype(np.int8)
    return LabelledVolume("v", "v.tif", "v.tif", None, label)


def cuts(given, affine=STACK, block=32, sizes=(16,), slices=3, margin=4, part=None):
    found, told = cuts_of(given, affine, block, sizes, slices, margin, part)
    return {cut.kind: cut for cut in found}, told


def distance(one, other):
    """The least number of voxels from a voxel of one mask to one of another, along any axis."""
    (a, b) = (np.argwhere(each) for each in (one, other))
    low, high = a.min(axis=0), a.max(axis=0)
    return np.maximum(np.maximum(low - b, b - high), 0).max(axis=1).min()


def test_what_is_scored_does_not_train_and_is_a_margin_away():
    given = volume()
    found, told = cuts(given, part=":,:,10:15")
    assert (list(found), told) == ([WHOLE, BLOCK, SLICES, SPLIT], [])
    assert found[WHOLE].scored.of(given.voxels).min() == 0
    for kind, least in ((BLOCK, 4), (SLICES, 1), (SPLIT, 0)):
        scored = found[kind].scored.of(given.voxels) >= 0
        for part in found[kind].trains.values():
            trains = part.of(given.voxels) >= 0
            assert not (trains & scored).any()
            assert distance(trains, scored) == least + 1
    assert np.count_nonzero(found[SPLIT].scored.of(given.voxels) >= 0) == 96 * 64 * 5
    assert found[SPLIT].main == "all but 0:96,0:64,10:15"


def test_smaller_blocks_lie_in_the_larger_and_are_scored_alike():
    found, _ = cuts(volume(), block=32, sizes=(8, 64, 16))
    trains = found[BLOCK].trains
    assert list(trains) == ["32", "16", "8"]
    boxes = [each.box for each in trains.values()]
    for outer, inner in pairwise(boxes):
        assert all(a[0] <= b[0] and b[1] <= a[1] for a, b in zip(outer, inner, strict=True))
    assert [boxes[0][axis][1] - boxes[0][axis][0] for axis in range(3)] == [32, 32, 15]
    assert found[BLOCK].about["of the volume"] == f"{100 * 32 * 32 / (96 * 64):.3g} %"
    assert found[BLOCK].about["trains"] == f"`{Part(boxes[0])}`"


def test_slices_are_adjacent_and_whole():
    found, _ = cuts(volume(), slices=5)
    ((along_x, along_y, along_z),) = [part.box for part in found[SLICES].trains.values()]
    assert (along_x, along_y) == ((0, 96), (0, 64))
    assert along_z[1] - along_z[0] == 5


def test_without_room_a_block_is_halved():
    """A cube of 64 of 96 x 64 x 15 voxels would be two thirds."""
    found, told = cuts(volume(), block=64)
    assert (found[BLOCK].main, told) == ("32", [])


@pytest.mark.parametrize(
    ("given", "left", "lines"),
    [
        (
            volume((20, 20, 4)),
            [WHOLE],
            ["no room for a block of 16 voxels or more that is", "no room for a run of 3 slices that is"],
        ),
        (volume(vessel=0), [WHOLE], ["its label has no vessel or no background, so nothing is trained on it"]),
        (volume(vessel=1), [WHOLE], ["its label has no vessel or no background, so nothing is trained on it"]),
    ],
    ids=["small", "no vessel", "nothing else"],
)
def test_what_cannot_be_done_with_a_volume_is_told(given, left, lines):
    found, told = cuts(given)
    assert list(found) == left
    assert len(told) == len(lines)
    assert all(line.startswith("v: ") and words in line for line, words in zip(told, lines, strict=True))


def test_a_volume_of_which_a_part_is_labelled():
    """The block lies there, and may be half of that."""
    given = volume((96, 64, 30))
    given.voxels[50:] = -1
    found, _ = cuts(given, block=32, slices=0)
    ((start, stop), *_) = found[BLOCK].trains["32"].box
    assert stop - start == 32
    assert stop <= 50
    assert (found[BLOCK].scored.of(given.voxels)[50:] == -1).all()


def test_nothing_is_planned_that_was_not_asked_for():
    found, told = cuts(volume(), block=0, slices=0)
    assert (list(found), told) == ([WHOLE], [])


def test_a_part_has_vessel_and_background_on_both_sides():
    given = volume()
    given.voxels[:, :32] = 0
    with pytest.raises(ValueError, match="--parts :,0:32,:: v lacks vessel or background in it or in the rest"):
        cuts(given, part=":,0:32,:")
