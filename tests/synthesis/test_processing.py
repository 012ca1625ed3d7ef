"""What is done to volumes: each step on images whose result is known."""

import numpy as np
import pytest

from scripts.synthesis import synthesise
from scripts.synthesis.appearance import draw_appearance
from scripts.synthesis.processing import PROCESSING, processed

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(10, 50, (30, 27, 12)).astype(np.float32)


def done(step, image, anisotropy=1.0, seed=0):
    return PROCESSING[step](np.random.default_rng(seed), image, anisotropy)


@pytest.mark.parametrize("step", PROCESSING)
@pytest.mark.parametrize("anisotropy", [1.0, 4.0])
def test_every_step_keeps_shape_and_range_and_is_the_same_again(step, anisotropy):
    before = IMAGE.copy()
    image = processed(np.random.default_rng(3), IMAGE, anisotropy, (step,))
    np.testing.assert_array_equal(IMAGE, before)
    assert image.shape == IMAGE.shape
    assert image.dtype == np.float32
    assert image.min() == pytest.approx(IMAGE.min())
    assert image.max() == pytest.approx(IMAGE.max(), rel=1e-5)
    assert not np.allclose(image, IMAGE)
    np.testing.assert_array_equal(image, processed(np.random.default_rng(3), IMAGE, anisotropy, (step,)))


def test_no_step_leaves_the_image():
    np.testing.assert_array_equal(processed(np.random.default_rng(0), IMAGE, 1.0, ()), IMAGE)


@pytest.mark.parametrize("step", PROCESSING)
def test_a_constant_image_stays_finite(step):
    assert np.isfinite(processed(np.random.default_rng(0), np.full((20, 20, 9), 7, np.float32), 1.0, (step,))).all()


def test_median_drops_a_lone_voxel():
    lone = np.zeros((9, 9, 9), np.float32)
    lone[4, 4, 4] = 1
    assert not done("median", lone).any()


def test_background_subtraction_levels_a_slope_and_keeps_a_spot():
    slope = np.repeat(np.linspace(0, 100, 120, dtype=np.float32), 60 * 8).reshape(120, 60, 8)
    spot = slope.copy()
    spot[60, 30, 4] += 50
    left = [np.maximum(done("without_background", image), 0) for image in (slope, spot)]
    assert np.ptp(left[0][30:-30]) < 0.7 * np.ptp(slope[30:-30])
    assert (left[1] - left[0])[60, 30, 4] > 45


def test_every_slice_is_stretched_by_itself():
    dimmer = IMAGE * np.linspace(1, 0.1, IMAGE.shape[2], dtype=np.float32)
    evened = done("slices_evened", dimmer)
    np.testing.assert_allclose(evened.max((0, 1)), 1)
    np.testing.assert_allclose(evened.min((0, 1)), 0)


def test_evened_contrast_shows_a_dim_half_like_a_bright_one():
    halves = np.concatenate([IMAGE, IMAGE * 0.2, IMAGE * 0.2])
    evened = done("contrast_evened", halves)
    assert evened[70:].std() > 2 * 0.2 * evened[:20].std()


def test_compression_rounds_faint_checks_away_and_keeps_a_slope():
    slope = np.repeat(np.linspace(0, 100, 32, dtype=np.float32), 32 * 3).reshape(32, 32, 3)
    checks = 0.5 * (-1.0) ** np.indices(slope.shape).sum(0)  # waves of 4 at most, where steps begin at 8
    compressed = done("compressed", slope + checks)
    np.testing.assert_allclose(compressed, done("compressed", slope + 0 * checks), atol=1)
    np.testing.assert_allclose(compressed, slope, atol=6)


def test_some_volumes_are_processed_unless_that_is_left_out():
    looks = [draw_appearance(np.random.default_rng(s), "mesh") for s in range(200)]
    assert 0.2 < np.mean([bool(look.processing) for look in looks]) < 0.4
    assert {step for look in looks for step in look.processing} == set(PROCESSING)
    assert not any(draw_appearance(np.random.default_rng(s), "mesh", ["processing"]).processing for s in range(50))


def test_processing_changes_the_image_and_not_the_vessels():
    changed = 0
    for seed in range(12):
        image, label = synthesise(seed, (32, 32, 24), "tree")
        plain, same = synthesise(seed, (32, 32, 24), "tree", without=["processing"])
        np.testing.assert_array_equal(label, same)
        changed += not np.array_equal(image, plain)
    assert 1 <= changed <= 9
