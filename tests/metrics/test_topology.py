"""Pieces, loops and cavities that one can count, and the same whatever the blocks."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.measure import euler_number

from scripts.core import slices
from scripts.metrics import Pair, TopologyCounts, topology
from scripts.metrics.topology import betti_numbers

NAN = float("nan")


def ring(shape=(9, 9, 5)):
    mask = np.zeros(shape, dtype=np.int8)
    mask[2:7, 2:7, 2] = 1
    mask[3:6, 3:6, 2] = 0
    return mask


def shell():
    mask = np.zeros((7, 7, 7), dtype=np.int8)
    mask[1:6, 1:6, 1:6] = 1
    mask[2:5, 2:5, 2:5] = 0
    return mask


def diagonal():
    """Voxels that touch by edges and corners are one piece."""
    mask = np.zeros((5, 5, 5), dtype=np.int8)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[2, 2, 1] = 1
    mask[4, 4, 4] = 1
    return mask


def lattice():
    """The edges of a cube: 8 corners, 12 edges, 12 - 8 + 1 loops."""
    mask = np.zeros((7, 7, 7), dtype=np.int8)
    for axis in range(3):
        for one in (1, 5):
            for two in (1, 5):
                np.moveaxis(mask, axis, 0)[1:6, one, two] = 1
    return mask


def leaking():
    """A hollow cube that is open at the border of the volume: a tunnel to nowhere is none."""
    return shell()[3:]


def scores(predicted, label, classes=2):
    pair = Pair(lambda box: (predicted[slices(box)], label[slices(box)]), label.shape, classes=classes)
    counts = TopologyCounts.of_pair(pair)
    return [counts.scores(score) for score in TopologyCounts.SCORES]


@pytest.mark.parametrize("sides", [(9, 9, 9), (2, 3, 4), (1, 1, 1)], ids=str)
@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (np.zeros((4, 3, 2)), (0, 0, 0)),
        (np.ones((4, 3, 2)), (1, 0, 0)),
        (ring(), (1, 1, 0)),
        (shell(), (1, 0, 1)),
        (diagonal(), (2, 0, 0)),
        (lattice(), (1, 5, 0)),
        (leaking(), (1, 0, 0)),
    ],
    ids=["nothing", "everything", "ring", "shell", "diagonal", "lattice", "leaking"],
)
def test_betti_numbers(mask, expected, sides):
    mask = mask > 0
    assert betti_numbers(lambda box: mask[slices(box)], mask.shape, sides) == expected


def test_random_masks_in_blocks():
    """Of SciPy's pieces and scikit-image's Euler number of the whole."""
    random = np.random.default_rng(0)
    for density in (0.05, 0.3, 0.6, 0.9) * 5:
        shape, sides = tuple(random.integers(1, 9, 3).tolist()), tuple(random.integers(1, 5, 3).tolist())
        mask = random.random(shape) < density
        pieces, loops, cavities = betti_numbers(lambda box, mask=mask: mask[slices(box)], shape, sides)
        assert pieces == ndimage.label(mask, np.ones((3, 3, 3)))[1]
        assert cavities == ndimage.label(np.pad(~mask, 1, constant_values=True))[1] - 1
        assert pieces - loops + cavities == euler_number(mask, connectivity=3)


def test_errors_by_hand():
    """A ring that is cut has no loop; cut twice, it is two pieces."""
    cut = ring()
    cut[2, 4, 2] = 0
    assert scores(cut, ring()) == [[0], [1]]
    cut[6, 4, 2] = 0
    assert scores(cut, ring()) == [[1], [1]]
    assert scores(ring(), cut) == [[1], [1]]


def test_nothing_predicted_or_nothing_there():
    nothing = np.zeros_like(ring())
    assert scores(nothing, nothing) == [[0], [0]]
    assert scores(ring(), nothing) == scores(nothing, ring()) == [[1], [1]]
    np.testing.assert_array_equal(scores(ring(), nothing - 1), [[NAN], [NAN]])


def test_what_is_not_labelled_counts_as_background_in_both():
    """The half of a ring is an arc, whatever is said of the other half."""
    label, predicted = ring(), ring()
    label[5:] = -1
    predicted[7:] = 1
    assert scores(predicted, label) == [[0], [0]]
    predicted[4] = 0  # an arc less its feet is still one piece
    assert scores(predicted, label) == [[0], [0]]
    predicted[2, 4] = 0
    assert scores(predicted, label) == [[1], [0]]


def test_classes_one_by_one():
    label = np.concatenate((ring(), 2 * ring(), 0 * ring()))
    predicted = np.concatenate((ring(), 0 * ring(), 3 * ring()))
    assert scores(predicted, label, classes=4) == [[0, 1, 1], [0, 1, 1]]


def test_from_logits_and_in_blocks(monkeypatch):
    monkeypatch.setattr(topology, "AT_ONCE", 20)
    logits = torch.stack((torch.zeros(9, 9, 5), 2 * torch.from_numpy(ring()).float() - 1))
    label = torch.zeros((1, 9, 9, 5), dtype=torch.int8)
    counts = TopologyCounts.of(logits, label)
    assert counts.segmentation.tolist() == [[1, 1]]
    assert TopologyCounts.of(logits, label, 0.9).segmentation.tolist() == [[0, 0]]
    assert TopologyCounts.of(logits, label, predicted=label).segmentation.tolist() == [[0, 0]]
