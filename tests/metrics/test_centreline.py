"""Centrelines and clDice of volumes drawn here, with numbers by hand."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy.ndimage import label as pieces_of

from scripts.metrics import CentrelineCounts, centreline
from scripts.metrics.centreline import TOUCHING

SHAPE = (30, 15, 15)
NAN = float("nan")


def tube(radius=1, start=0, stop=30, at=(7, 7), shape=SHAPE):
    """A straight vessel along X: a cross of 5 voxels across for radius 1, a line for radius 0."""
    x, y, z = np.indices(shape)
    return ((y - at[0]) ** 2 + (z - at[1]) ** 2 <= radius**2) & (x >= start) & (x < stop)


def as_label(mask):
    return torch.from_numpy(np.asarray(mask).astype(np.int8))[None]


def scores(predicted, label, classes=2):
    counts = CentrelineCounts.of_segmentation(as_label(predicted), as_label(label), classes)
    return counts.scores("cldice"), counts.scores("centreline_sensitivity")


def score(predicted, label):
    (cldice,), (sensitivity,) = scores(predicted, label)
    return pytest.approx((cldice, sensitivity), nan_ok=True)


# -- centrelines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("radius", "shorter"), [(0, 0), (1, 0), (2, 0), (3, 1), (4, 2)])
def test_the_centreline_of_a_tube_is_its_axis(radius, shorter):
    """Thinning takes wide ends back."""
    axis = tube(0, shorter, 30 - shorter)
    np.testing.assert_array_equal(centreline(tube(radius)), axis)


@pytest.mark.parametrize("width", [(2, 1), (2, 2), (4, 4), (2, 6)], ids=str)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_vessels_of_even_width_have_a_centreline(width, axis):
    """Of these scikit-image leaves nothing."""
    vessel = np.moveaxis(np.ones((20, *width), dtype=bool), 0, axis)
    line = centreline(np.pad(vessel, 3))
    along = np.flatnonzero(line.any(axis=tuple({0, 1, 2} - {axis})))
    assert 20 - max(width) <= len(along) == along[-1] - along[0] + 1  # without a gap
    assert line.sum() == len(along)  # one voxel wide


def test_no_piece_is_without_a_centreline_or_has_one_elsewhere():
    """Random blobs, and 3 x 4 voxels less a corner, of which the finer grid leaves nothing."""
    random = np.random.default_rng(0)
    mask = np.zeros((9 * 60, 9, 9), dtype=bool)
    for at in range(0, 9 * 59, 9):
        mask[at + 1 : at + 8, 1:8, 1:8] = random.random((7, 7, 7)) < random.uniform(0.1, 0.95)
    mask[-5:-2, 1:5, 1] = True
    mask[-3, 4, 1] = False
    line = centreline(mask)
    pieces, count = pieces_of(mask, TOUCHING)
    assert not (line & ~mask).any()
    assert set(np.unique(pieces[line])) == set(range(1, count + 1))
    assert not centreline(np.zeros((3, 3, 3), dtype=bool)).any()


# -- clDice of one volume ----------------------------------------------------------------------------------------------


def test_the_same_is_1():
    assert score(tube(2), tube(2)) == (1, 1)


@pytest.mark.parametrize(("predicted", "real"), [(2, 1), (1, 2), (4, 1)])
def test_the_width_does_not_matter(predicted, real):
    assert score(tube(predicted), tube(real)) == (1, 1)


def test_a_line_beside_the_vessel_does_not_count():
    assert score(tube(0, at=(7, 9)), tube(1)) == (0, 0)


def test_half_a_vessel():
    """15 of 30 voxels are found, and all that is predicted is right: 2 * 1 * 1/2 / (3/2)."""
    assert score(tube(1, stop=15), tube(1)) == (2 / 3, 1 / 2)


def test_a_broken_vessel():
    """A gap of 6 in 30: 24 of the label's centreline are in the segmentation."""
    broken = tube(1, stop=12) | tube(1, start=18)
    assert score(broken, tube(1)) == (2 * 0.8 / 1.8, 0.8)
    assert score(tube(1), broken) == (2 * 0.8 / 1.8, 1)  # a bridge that is not there


def test_a_false_branch():
    """30 voxels of the segmentation's centreline are the vessel's, 10 are a line elsewhere."""
    assert score(tube(1) | tube(0, 5, 15, at=(2, 2)), tube(1)) == (2 * 0.75 / 1.75, 1)


@pytest.mark.parametrize(
    ("predicted", "label", "expected"),
    [
        (0, 0, (NAN, NAN)),
        (0, 1, (0, 0)),  # nothing found
        (1, 0, (0, NAN)),  # found where there is nothing
    ],
)
def test_nothing_predicted_or_nothing_there(predicted, label, expected):
    assert score(tube() * predicted, tube() * label) == expected


# -- lengths -----------------------------------------------------------------------------------------------------------


def length_error(predicted, label, classes=2, voxel_size=(1, 1, 1)):
    counts = CentrelineCounts.of_segmentation(as_label(predicted), as_label(label), classes, voxel_size=voxel_size)
    return counts.scores("length_error")


@pytest.mark.parametrize(
    ("predicted", "real", "expected"),
    [
        (tube(2), tube(1), 0),  # the width does not matter
        (tube(1, stop=15), tube(1), 15 / 29),  # 15 voxels have 14 links, and 30 have 29
        (tube(1), tube(1, stop=15), 15 / 14),
        (tube(1, stop=12) | tube(1, start=18), tube(1), 7 / 29),  # a gap of 6 voxels has 7 links
        (tube(1) | tube(0, 5, 15, at=(2, 2)), tube(1), 9 / 29),
        (tube(0, at=(7, 9)), tube(0), 0),  # where it is does not matter
        (tube() * 0, tube(), 1),
        (tube(), tube() * 0, NAN),
        (tube() * 0, tube() * 0, NAN),
        (tube(), tube(0, stop=1), NAN),  # a single voxel has no length
    ],
)
def test_lengths_differ_by_a_share_of_the_labels(predicted, real, expected):
    assert length_error(predicted, real) == pytest.approx([expected], nan_ok=True)


def test_lengths_are_in_the_unit_of_the_voxel_size():
    """A vessel of 30 voxels along X, and one of 15 along Z, which is missing."""
    upright = np.moveaxis(tube(0, stop=15, at=(3, 3), shape=(15, 30, 15)), 0, 2)
    assert length_error(tube(0), tube(0) | upright, voxel_size=(1, 1, 1)) == pytest.approx([14 / 43])
    assert length_error(tube(0), tube(0) | upright, voxel_size=(1, 1, 5)) == pytest.approx([70 / 99])


def test_the_voxel_size_is_that_of_the_affine():
    upright = np.moveaxis(tube(0, stop=15, at=(3, 3), shape=(15, 30, 15)), 0, 2)
    logits = torch.from_numpy(np.where(tube(0), 3.0, -3.0).astype(np.float32))[None]
    logits, label = torch.cat((0 * logits, logits)), as_label(tube(0) | upright)
    affine = torch.diag(torch.tensor([1.0, 1.0, 5.0, 1.0]))
    for one, two in ((MetaTensor(logits, affine), label), (logits, MetaTensor(label, affine))):
        assert CentrelineCounts.of(one, two).scores("length_error") == pytest.approx([70 / 99])
    assert CentrelineCounts.of(logits, label).scores("length_error") == pytest.approx([14 / 43])


def test_of_what_is_not_labelled_no_length_counts():
    """Half of the link from the 15th to the 16th voxel is labelled: 14.5 links, of which 9 are found."""
    label = unlabelled(tube(1), slice(15, None))
    assert length_error(tube(1, stop=10), label) == pytest.approx([5 / 14])  # there the label ends at 15 as well
    assert length_error(tube(1), label) == [0]
    whole = tube(1, stop=10) | tube(1, start=12)
    assert length_error(whole, label) == pytest.approx([3 / 14.5])
    assert length_error(tube(), unlabelled(tube(), slice(None))) == pytest.approx([NAN], nan_ok=True)


def test_each_class_has_its_length():
    label = 1 * tube(0) + 2 * tube(0, at=(2, 2))
    predicted = label.copy()
    predicted[20:][predicted[20:] == 2] = 0
    assert length_error(predicted, label, classes=4) == pytest.approx([0, 10 / 29, NAN], nan_ok=True)


# -- labelled in part --------------------------------------------------------------------------------------------------


def unlabelled(label, *where):
    label = label.astype(np.int8)
    label[where] = -1
    return label


def test_only_labelled_voxels_count():
    """The label ends at x = 15: 10 of its 15 voxels are found; beyond, nothing counts."""
    label = unlabelled(tube(1), slice(15, None))
    assert score(tube(1, stop=10), label) == (2 * (2 / 3) / (5 / 3), 2 / 3)
    assert score(tube(1, stop=10) | tube(1, start=20, at=(3, 3)), label) == (2 * (2 / 3) / (5 / 3), 2 / 3)
    assert score(tube(1, start=15), label) == (0, 0)
    assert score(tube(), unlabelled(tube(), slice(None))) == (NAN, NAN)


def test_a_vessel_goes_on_across_the_border():
    """Thinning takes a wide end back by 2 voxels, and the border is no end: 15 - 2, not 11."""
    label = unlabelled(tube(4), slice(15, None))
    counts = CentrelineCounts.of_segmentation(as_label(tube(4)), as_label(label))
    assert counts.segmentation.tolist() == counts.label.tolist() == [[13, 13]]


def test_a_sliver_of_a_vessel_beyond_the_border_is_no_vessel():
    """Of a tube the rim alone is labelled; a segmentation a voxel thinner follows its axis."""
    label = unlabelled(tube(4), slice(None), slice(None, 11))
    assert (label == 1).sum() == 30  # the rim, one voxel wide, which by itself would be its own centreline
    assert score(tube(3), label) == (NAN, NAN)  # the axis is not labelled
    assert score(tube(0) * 0, label) == (0, 0)  # found by nobody, it is all that is known


def test_agreement_on_labelled_voxels_is_1():
    """Slices labelled here and there, and beyond them a segmentation of noise."""
    random = np.random.default_rng(0)
    truth = tube(3) | tube(2, at=(3, 11))
    label = unlabelled(truth, slice(None), slice(None), random.random(15) < 0.5)
    predicted = np.where(label < 0, random.random(SHAPE) < 0.3, truth)
    assert (label < 0).any()
    assert score(predicted, label) == (1, 1)


# -- several classes, and from logits ---------------------------------------------------------------------------------


def test_classes_one_by_one():
    """Class 1 is found as class 2 over its last third, class 2 is all there, class 3 is nowhere."""
    label = 1 * tube(1) + 2 * tube(1, at=(2, 2))
    predicted = label.copy()
    predicted[20:][predicted[20:] == 1] = 2
    cldice, sensitivity = scores(predicted, label, classes=4)
    # class 2 is predicted along 30 voxels that are right and 10 that are not
    assert cldice == pytest.approx([2 * (2 / 3) / (5 / 3), 2 * 0.75 / 1.75, NAN], nan_ok=True)
    assert sensitivity == pytest.approx([2 / 3, 1, NAN], nan_ok=True)


@pytest.mark.parametrize(("threshold", "found"), [(0.5, 30), (0.9, 15)])
def test_logits_are_segmented_at_the_threshold(threshold, found):
    """Log-odds of 3 along the first half of a vessel, of 1 along the second: 0.95 and 0.73."""
    log_odds = np.where(tube(1, stop=15), 3.0, np.where(tube(1), 1.0, -4.0)).astype(np.float32)
    logits = MetaTensor(torch.from_numpy(np.stack([0 * log_odds, log_odds])))
    counts = CentrelineCounts.of(logits, MetaTensor(as_label(tube(1))), threshold)
    assert counts.segmentation.tolist() == [[found, found]]
    assert counts.label.tolist() == [[found, 30]]
