"""Counts in cells, against NumPy on the same voxels, and only the cells that are needed are read."""

import numpy as np
import pytest

from scripts.core import slices
from scripts.transforms.stored import VoxelIndices, cells_in, labelled_in
from scripts.transforms.stored.cells import most_like

SHAPE = (19, 14, 12)
REGIONS = [
    ((0, 19), (0, 14), (0, 12)),
    ((4, 16), (4, 12), (0, 8)),
    ((3, 18), (0, 13), (5, 7)),
    ((5, 6), (5, 7), (1, 3)),
]


def in_cells(mask):
    padded = np.pad(mask, [(0, -side % 4) for side in mask.shape])
    x, y, z = (side // 4 for side in padded.shape)
    return padded.reshape(x, 4, y, 4, z, 4).sum(axis=(1, 3, 5)).astype(np.uint16)


class Label:
    """A label that remembers what was read of it."""

    def __init__(self, share=0.6, seed=0):
        self.classes = np.random.default_rng(seed).choice(
            [-1, 0, 1, 2], SHAPE, p=[1 - share, share / 2, share / 4, share / 4]
        )
        self.read_voxels = 0

    def read(self, box):
        part = self.classes[slices(box)]
        self.read_voxels += part.size
        return part

    def cells(self):
        return in_cells(self.classes > 0), in_cells(self.classes == 0)


@pytest.mark.parametrize("share", [1.0, 0.6, 0.01])
@pytest.mark.parametrize("region", REGIONS, ids=str)
def test_what_a_region_holds(region, share):
    label = Label(share)
    outside = np.ones(SHAPE, bool)
    outside[slices(region)] = False
    expected = np.where(outside, -1, label.classes)
    vessel, background = cells_in(region, *label.cells(), label.read)
    assert np.array_equal(vessel, in_cells(expected > 0))
    assert np.array_equal(background, in_cells(expected == 0))
    found = labelled_in(region, vessel, background, label.read)
    there = np.argwhere(expected >= 0)
    if not len(there):
        assert found is None
    else:
        assert found == tuple(zip(there.min(axis=0), there.max(axis=0) + 1, strict=True))


def test_of_what_is_labelled_all_over_only_cells_at_the_border_are_read():
    label = Label(1.0)
    cells = label.cells()
    region = ((4, 16), (4, 12), (0, 12))
    assert labelled_in(region, *cells_in(region, *cells, label.read), label.read) == region
    assert label.read_voxels <= 6 * 64
    region = ((4, 15), (4, 12), (0, 12))  # three planes of the last cells along X
    label.read_voxels = 0
    cells_in(region, *cells, label.read)
    assert label.read_voxels == 3 * 8 * 12


def test_indices_count_every_voxel_once():
    label = Label()
    region = REGIONS[2]
    vessel, _ = cells_in(region, *label.cells(), label.read)
    indices = VoxelIndices(
        vessel, region, lambda box: label.read(box) > 0, lambda at: np.ravel_multi_index(at.T, SHAPE)
    )
    inside = np.zeros(SHAPE, bool)
    inside[slices(region)] = True
    assert sorted(indices[at] for at in range(len(indices))) == np.flatnonzero(inside & (label.classes > 0)).tolist()
    with pytest.raises(IndexError):
        indices[len(indices)]
    assert len(VoxelIndices(np.zeros_like(vessel), region, label.read, label.read)) == 0


def test_the_part_that_is_like_the_whole():
    classes = np.zeros((40, 16, 16), int)
    classes[:20] = 1
    classes[32:] = -1
    vessel, background = in_cells(classes > 0), in_cells(classes == 0)
    labelled = ((0, 32), (0, 16), (0, 16))
    assert most_like(labelled, vessel, background, 32 * 256) == labelled
    box = most_like(labelled, vessel, background, 16 * 256)
    part = classes[slices(box)]
    assert part.size <= 16 * 256
    assert abs((part > 0).mean() - 20 / 32) == 1 / 8  # the least that is possible in steps of a cell
    tiny = most_like(labelled, vessel, background, 10)
    assert classes[slices(tiny)].size == 64  # a cell is the least
