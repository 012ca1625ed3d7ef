"""Distractors: where they lie and how bright they are."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from scripts.synthesis.distractors import cells, leaked_dye, organs, sheet
from tests.helpers.plain_look import PLAIN

SHAPE = (64, 64, 48)


def test_organs_are_single_bodies_and_soft_or_sharp():
    for seed in range(6):
        soft, sharp = (
            organs(np.random.default_rng(seed), SHAPE, 1.0, replace(PLAIN, organ_count=1, organ_edge=edge))
            for edge in (1.0, 12.0)
        )
        assert soft.max() <= 1
        assert ndimage.label(sharp > 0.5)[1] == 1
        # a sharp one has hardly a voxel between dark and bright
        assert ((sharp > 0.1) & (sharp < 0.9)).mean() < 0.5 * ((soft > 0.1) & (soft < 0.9)).mean()


def test_several_organs_are_smaller():
    def share(count):
        look = replace(PLAIN, organ_count=count)
        return np.mean([organs(np.random.default_rng(seed), SHAPE, 1.0, look) > 0.3 for seed in range(8)])

    assert share(4) < 2.5 * share(1)


def test_a_shell_encloses_what_is_dark():
    shell = organs(np.random.default_rng(2), (96, 96, 96), 1.0, replace(PLAIN, organ_edge=8.0, organ_shell=True)) > 0.5
    assert ndimage.binary_fill_holes(np.pad(shell, 1)).sum() > 1.3 * shell.sum()


def test_a_sheet_goes_through_the_volume_and_is_thin():
    plate = sheet(np.random.default_rng(1), SHAPE, 1.0)
    assert plate.max() == pytest.approx(1.0, abs=0.05)
    assert 0.005 < (plate > 0.5).mean() < 0.35


def test_cells_are_not_centred_in_vessels():
    depth = np.full(SHAPE, -1, np.float32)
    depth[:32] = 2
    cover, brightness = cells(np.random.default_rng(0), depth, 1.0, 5.0)
    assert cover[48:].max() > 0.9
    assert cover[:20].max() == 0  # no cell is wider than nine voxels
    assert (brightness[cover > 0] > 0).all()


def test_dye_leaks_around_vessels_and_not_far_away():
    cover = np.zeros((96, 64, 48), np.float32)
    cover[:16] = 1
    slow = np.zeros_like(cover)
    hazes = [
        leaked_dye(np.random.default_rng(s), cover, 1.0, replace(PLAIN, leak=0.5, leak_reach=4.0), slow)
        for s in range(6)
    ]
    assert max(haze[18].max() for haze in hazes) > 0.05
    assert max(haze[60:].max() for haze in hazes) < 1e-3
