"""Thresholds of a volume: each rule on histograms made by hand, and the command on tubes."""

from functools import partial

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from experiments.threshold import run_threshold
from experiments.threshold import table as module
from experiments.threshold.kept import CENTRES, INTENSITIES, Kept, keep, read_kept, write_kept
from experiments.threshold.rules import (
    FAMILIES,
    RULES,
    as_bright,
    chance,
    greatest_expected_dice,
    least_error,
    left_out,
    listed,
    log_odds,
)
from tests.helpers.dataset_examples import write_tubes


def kept(found, intensity=None, vessel=None, explained=1.0):
    """Voxels by log-odds, `{log-odds: number}`, those that are vessel, and by intensity."""

    def counts(numbers):
        made = np.zeros(len(CENTRES), dtype=int)
        for value, number in numbers.items():
            made[np.abs(CENTRES - value).argmin()] += number
        return made

    levels = np.arange(INTENSITIES) / INTENSITIES
    bright = np.zeros(INTENSITIES, dtype=int)
    for level, number in (intensity or {0.5: 1}).items():
        bright[np.abs(levels - level).argmin()] += number
    true = counts(vessel or {})
    return Kept(counts(found), true, counts(found) - true, bright, levels, explained)


def test_dice_is_that_of_the_voxels_above():
    """Two of three vessels lie above 0, with one that is none: 2*2/(3+3)."""
    volume = kept({-3: 6, 1: 3}, vessel={-3: 1, 1: 2})
    assert volume.dice_at(0.0) == pytest.approx(4 / 6)
    assert volume.dice_at(-5.0) == pytest.approx(6 / 12)
    assert volume.dice_at(3.0) == 0
    assert -3.1 < volume.best < 1
    assert 1.0 > volume.share_above(3 / 9) > -3.1


def test_a_volume_is_counted_by_its_label(tmp_path):
    """Half of it is bright and likely vessel, one voxel is not labelled; intensity explains it all."""
    image = torch.zeros(1, 6, 6, 6)
    image[:, 3:] = 1
    odds = np.where(image[0].numpy() > 0, 2.0, -2.0).astype(np.float32)
    label = (odds > 0).astype(np.int8)
    label[0, 0, 0] = -1
    volume = keep(MetaTensor(image), odds, label, smooth=0)
    assert (volume.found.sum(), volume.vessel.sum(), volume.other.sum()) == (216, 108, 107)
    assert volume.intensity.sum() == 216
    assert volume.dice_at(0.0) == 1
    assert volume.explained == pytest.approx(1, abs=1e-6)
    assert keep(MetaTensor(1 - image), odds, label, smooth=0).explained == pytest.approx(0, abs=1e-6)  # dark vessels
    assert keep(MetaTensor(image), odds, label, smooth=1).dice_at(0.0) == 1
    write_kept(tmp_path / "a.npz", volume)
    again = read_kept(tmp_path / "a.npz")
    assert again.explained == volume.explained
    assert np.array_equal(again.found, volume.found)


def test_the_threshold_of_greatest_expected_dice():
    """Of 10 voxels of 0.9 and 90 of 0.3, all: 2*36/(100+36) is more than 2*9/(10+36). If those were 0.01, the 10."""
    volume = kept({log_odds(0.9): 10, log_odds(0.3): 90})
    assert greatest_expected_dice(volume) == pytest.approx(log_odds(0.3), abs=0.02)
    scale = log_odds(0.01) / log_odds(0.3)
    assert greatest_expected_dice(volume, scale=scale) == pytest.approx(log_odds(0.9), abs=0.02)


def test_the_threshold_of_least_error_lies_where_two_gaussians_meet():
    """Of equal numbers and widths, half-way."""
    values = np.linspace(-6, 8, 700)
    counts = np.exp(-((values + 2) ** 2) / 2) + np.exp(-((values - 3) ** 2) / 2)
    assert least_error(1e6 * counts, values) == pytest.approx(0.5, abs=0.05)


def test_as_many_as_are_bright():
    """A fifth is above half the intensity; where intensity explains too little, the weights' own counts."""
    volume = kept({-2: 700, 0: 100, 1: 200}, intensity={0.2: 800, 0.7: 200})
    bright = partial(as_bright, own=-0.5, threshold=lambda values: 0.5)
    assert -0.1 < bright(volume) <= 1
    assert bright(volume, share=0.5) == pytest.approx((bright(volume) - 0.5) / 2)
    assert bright(kept({0: 10}, intensity={0.2: 800, 0.7: 200}, explained=0.2)) == -0.5


def test_what_is_listed_has_the_proportions_and_misses_nothing():
    found = listed(np.array([3_000_000, 1, 0, 1_000_000]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert np.count_nonzero(found == 1) == 3 * np.count_nonzero(found == 4)
    assert (2.0 in found, 3.0 in found) == (True, False)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_lies_within_what_was_found(name):
    random = np.random.default_rng(0)
    odds = np.concatenate((random.normal(-4, 1, 9000), random.normal(2, 1, 1000)))
    bright = np.concatenate((random.normal(0.2, 0.03, 9000), random.normal(0.7, 0.03, 1000)))
    counts = np.histogram(odds, len(CENTRES), (-12, 12))[0]
    intensity = np.histogram(bright, INTENSITIES, (0, 1))[0]
    volume = Kept(counts, counts, 0 * counts, intensity, (np.arange(INTENSITIES) + 0.5) / INTENSITIES, 1.0)
    assert -6 < RULES[name](volume, log_odds(0.33)) < 4


def test_a_constant_is_fitted_on_other_kinds_alone():
    """Volumes of either kind want a threshold of their own; each gets that of the other."""
    low = kept({-2: 50, -1: 50, 1: 20}, vessel={-1: 50, 1: 20})
    high = kept({-2: 50, -1: 50, 1: 20}, vessel={1: 20})
    volumes, kinds = {"a": low, "b": high, "s": low}, {"a": "low", "b": "high", "s": "synthetic"}
    chosen = left_out(FAMILIES["a constant"], volumes, kinds, 0.0, "real")
    assert (chosen["a"] > -1, chosen["b"] < -1, set(chosen)) == (True, True, {"a", "b"})
    assert left_out(FAMILIES["a constant"], volumes, kinds, 0.0, "synthetic")["b"] < -1
    assert not left_out(FAMILIES["a constant"], {"a": low}, kinds, 0.0, "synthetic")


def test_the_network_runs_once_on_each_volume(tiny_weights, tmp_path, monkeypatch):
    for name in ("a_1", "b_1"):
        write_tubes(tmp_path / "dataset", name, (36, 32, 15))
    monkeypatch.setattr("scripts.data.synthetic.training_shape", lambda *_: (36, 36, 16))
    options = {"output_dir": tmp_path / "out", "ckpt_path": tiny_weights, "overlap": 0}
    told = run_threshold(tmp_path / "dataset", synthetic=1, **options)
    assert len(list((tmp_path / "out" / "kept").glob("*.npz"))) == 3
    assert (tmp_path / "out" / "threshold.md").read_text() == told + "\n"
    heads, _, best, own, *_ = told.splitlines()
    assert heads == "| threshold | mean over kinds | synthetic | a_1 | b_1 |"
    assert own.startswith("| the weights' own | ")
    assert float(best.split("|")[2]) >= float(own.split("|")[2])
    assert "a constant, fitted on kinds left out" in told
    monkeypatch.setattr(module, "Pipeline", None)
    assert run_threshold(tmp_path / "dataset", synthetic=1, **options) == told
    with pytest.raises(TypeError, match="not callable"):  # for it is not known yet
        run_threshold(tmp_path / "dataset", synthetic=0, adapt="true", **options)


def test_chances_and_log_odds_are_inverse():
    assert chance(log_odds(0.3)) == pytest.approx(0.3)
