"""A volume seen along Z, voxel for voxel."""

import numpy as np
import pytest

from scripts.report.projection import EXTRA, FOUND, MISSED, agreement, project

# one row of six columns (X), three slices deep (Z)
MASK = np.array([[[1, 1, 1]], [[1, 1, 0]], [[0, 0, 0]], [[1, 0, 0]], [[0, 2, 0]], [[0, 0, 0]]], np.uint8)
LABEL = np.array([[[1, 1, 0]], [[0, 0, 1]], [[1, 0, 0]], [[-1, 0, 0]], [[-1, -1, -1]], [[0, 0, 0]]], np.int8)
IMAGE = np.array([[[1, 5, 2]], [[7, 3, 9]], [[0, 4, 0]], [[2, 8, 1]], [[6, 1, 2]], [[np.nan, np.nan, 3]]])


def test_agreement_of_each_voxel():
    both = agreement(MASK, LABEL)[:, 0]
    assert both.tolist() == [
        [FOUND, FOUND, EXTRA],
        [EXTRA, EXTRA, MISSED],
        [MISSED, 0, 0],
        [0, 0, 0],  # segmented where nothing is labelled
        [0, 0, 0],
        [0, 0, 0],
    ]


def test_what_is_seen_along_z():
    seen = project(IMAGE, MASK, LABEL, judged=True)
    assert seen.brightest[:, 0].tolist() == [5, 9, 4, 8, 6, 3]
    assert seen.thickness[:, 0].tolist() == [3, 2, 0, 1, 1, 0]
    assert seen.depth[:, 0].tolist() == [1, 0, 0, 0, 1, 0]  # of the brightest segmented voxel, not of the brightest
    assert seen.value[:, 0].tolist() == [1, 1, 0, 1, 2, 0]
    assert seen.agreement[:, 0].tolist() == [FOUND, EXTRA, MISSED, 0, 0, 0]  # of most voxels
    assert seen.agreeing[:, 0].tolist() == [2, 2, 1, 0, 0, 0]
    assert seen.unlabelled[:, 0].tolist() == [False, False, False, False, True, False]
    assert seen.values == (1, 2)
    assert (seen.voxels, seen.labelled, seen.segmented) == (18, 14, 7)
    assert (seen.found, seen.extra, seen.missed) == (2, 3, 2)


def test_scores_by_hand():
    """2 found, 3 extra, 2 missed."""
    scores = project(IMAGE, MASK, LABEL, judged=True).scores()
    assert scores == {"Dice": pytest.approx(4 / 9), "precision": pytest.approx(2 / 5), "recall": pytest.approx(2 / 4)}


def test_scores_are_those_of_the_evaluation():
    from scripts.metrics import VolumeCounts

    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    mask, label = random.integers(0, 2, (2, 9, 8, 7))
    label[:3] = -1
    logits = torch.tensor(np.stack([1 - mask, mask]) * 20.0)
    counts = VolumeCounts.of(logits, torch.tensor(label)[None], 0.5)
    scores = project(mask * 1.0, mask, label, judged=True).scores()
    for ours, theirs in (("Dice", "dice"), ("precision", "precision"), ("recall", "recall")):
        assert scores[ours] == pytest.approx(counts.scores(theirs)[0])


def test_without_vessel_scores_are_undefined():
    empty = np.zeros((2, 2, 2), np.uint8)
    assert project(empty, empty, empty, judged=True).scores() == {"Dice": None, "precision": None, "recall": None}


def test_without_mask_or_label():
    bare = project(IMAGE, None, None, judged=False)
    assert not bare.masked
    assert not bare.judged
    assert not bare.unlabelled.any()
    fractions = project(IMAGE, np.full(MASK.shape, 0.5), None, judged=False)
    assert fractions.values == ()
    assert fractions.segmented == 18


def test_a_volume_is_neither_copied_nor_changed():
    import tracemalloc

    volume = np.asfortranarray(np.random.default_rng(0).integers(0, 200, (64, 64, 256), np.uint8))
    before = volume.copy(order="F")
    tracemalloc.start()
    project(volume, volume, volume, judged=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < volume.nbytes / 2
    np.testing.assert_array_equal(volume, before)
