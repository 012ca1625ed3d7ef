"""Pieces of random masks, whole and cut into boxes, are those of SciPy."""

import numpy as np
import pytest
from scipy import ndimage

from scripts.core import FACES, TOUCHING, Pieces, slices

SIDES = [None, (1, 9, 9), (2, 9, 9), (3, 3, 3), (9, 2, 5), (4, 9, 1), (1, 1, 1)]


@pytest.mark.parametrize("sides", SIDES, ids=str)
@pytest.mark.parametrize("neighbours", [FACES, TOUCHING], ids=["faces", "touching"])
def test_pieces_are_those_of_scipy_however_the_volume_is_cut(sides, neighbours):
    mask = np.random.default_rng(3).random((11, 9, 8)) < (0.3 if neighbours is FACES else 0.1)
    labels, number = ndimage.label(mask, neighbours)
    pieces = Pieces(lambda box: mask[slices(box)], mask.shape, neighbours, sides or mask.shape)
    assert sorted(pieces.sizes[1:]) == sorted(np.bincount(labels.ravel())[1:])
    assert len(pieces.sizes) == number + 1
    for chosen in range(1, number + 1):
        inside = np.zeros(mask.shape, bool)
        for box, part in pieces.where(np.arange(number + 1) == chosen):
            inside[slices(box)] = part
        assert len(np.unique(labels[inside])) == 1
        assert inside.sum() == pieces.sizes[chosen]


@pytest.mark.parametrize("neighbours", [FACES, TOUCHING], ids=["faces", "touching"])
def test_random_masks_in_boxes_of_odd_sides(neighbours):
    """Every join across a face, an edge and a corner, against SciPy's own numbers of the whole."""
    rng = np.random.default_rng(7)
    for _ in range(150):
        shape, sides = tuple(rng.integers(1, 9, 3).tolist()), tuple(rng.integers(1, 6, 3).tolist())
        mask = rng.random(shape) < rng.choice([0.05, 0.15, 0.3, 0.6])
        labels, number = ndimage.label(mask, neighbours)
        pieces = Pieces(lambda box, mask=mask: mask[slices(box)], shape, neighbours, sides)
        assert len(pieces.sizes) == number + 1
        found = np.zeros(shape, int)
        for chosen in range(1, number + 1):
            for box, inside in pieces.where(np.arange(number + 1) == chosen):
                found[slices(box)][inside] = chosen
        pairs = np.unique(np.stack((labels.ravel(), found.ravel())), axis=1)
        assert pairs.shape[1] == len(np.unique(labels)) == len(np.unique(found))  # one to one
        edge = np.pad(np.zeros([max(0, side - 2) for side in shape], bool), 1, constant_values=True)
        edge = edge[: shape[0], : shape[1], : shape[2]]
        assert set(np.flatnonzero(pieces.at_the_border())) == set(found[edge]) - {0}
