"""What the drawn microscope does to a tube in the middle of a small volume."""

from dataclasses import replace

import numpy as np
import pytest

from scripts.synthesis import STYLES, Appearance, Segment, draw_appearance, rasterise, render, smooth_field

SHAPE = (40, 40, 24)
PLAIN = Appearance(
    background=0.1, tone_spread=0.0, profile="flat", mottle=0.0, inhomogeneity=0.0, texture=0.0, texture_scale=1.0,
    streak=1.0, cells=0.0, cell_tone=1.0, organ=0.0, organ_edge=2.0, sheet=0.0, leak=0.0, leak_scale=5.0,
    additive=True, attenuation=0.0, shadow=0.0, psf=(0.0, 0.0), cnr=10.0, poisson=0.0, speckle=0.0, grain=0.0,
    line_gain=0.0, gamma=1.0, saturated=0.0, full_scale=255.0, integer=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def tube():
    points = np.linspace((-5.0, 20, 12), (45, 20, 12), 100)
    return rasterise([Segment(points, np.full(100, 4.0), 4.0)], SHAPE, 1.0, np.ones(1))


def image_of(tube, **changes):
    return render(np.random.default_rng(0), *tube, 1.0, replace(PLAIN, **changes))


def contrast_to_noise(image, vessel):
    return (image[vessel].mean() - image[~vessel].mean()) / image[~vessel].std()


@pytest.mark.parametrize("cnr", [1.5, 4.0, 12.0])
def test_contrast_to_noise_is_what_was_asked(tube, cnr):
    depth = tube[0]
    image = image_of(tube, cnr=cnr)
    inside, outside = image[depth > 1], image[depth <= -1]
    assert (inside.mean() - outside.mean()) / outside.std() == pytest.approx(cnr, rel=0.12)


def test_whole_numbers_up_to_full_scale(tube):
    image = image_of(tube)
    assert image.max() == 255
    np.testing.assert_array_equal(image, np.rint(image))
    assert image_of(tube, full_scale=1.0, integer=False).max() == pytest.approx(1.0)


def test_saturation_clips_the_share_asked_for(tube):
    image = image_of(tube, saturated=0.02)
    assert (image == image.max()).mean() == pytest.approx(0.02, abs=0.01)


@pytest.mark.parametrize("what", [{"organ": 1.5}, {"sheet": 1.2}, {"cells": 5.0, "cell_tone": 1.2}])
def test_counter_examples_lie_outside_the_vessel(tube, what):
    outside = tube[0] < -0.5
    bright = 0.5 * np.median(image_of(tube)[tube[0] >= 0])
    assert (image_of(tube)[outside] > bright).mean() < 0.001
    # Brightness is normalised to the maximum, so compare with the vessel in the same image.
    image = image_of(tube, **what)
    assert (image[outside] > 0.4 * np.median(image[tube[0] >= 0])).mean() > 0.005


def test_leaking_dye_surrounds_the_vessel(tube):
    depth = tube[0]
    y = np.abs(np.arange(40) - 20)
    halo, far = (y >= 6) & (y <= 8), y >= 16
    gains = []
    for seed in range(5):
        image = render(np.random.default_rng(seed), *tube, 1.0, replace(PLAIN, leak=0.8))
        gains.append(image[:, halo, 12].mean() / image[:, far, 12].mean())
    assert depth[20, 20, 12] > 3
    assert max(gains) > 1.2


def test_attenuation_darkens_the_deep_end(tube):
    image = image_of(tube, attenuation=2.0, background=0.5, cnr=30.0)
    assert image[:, 32:, :4].mean() > 2 * image[:, 32:, -4:].mean()


def test_shadow_darkens_the_far_side(tube):
    image = image_of(tube, shadow=0.9, cnr=50.0)
    assert image[:, 20, 9].mean() > image[:, 20, 15].mean()


def test_rim_is_brighter_than_the_lumen(tube):
    image = image_of(tube, profile="rim", cnr=50.0)
    assert image[:, 20, 9].mean() > image[:, 20, 12].mean()


def test_blur_softens_the_edge(tube):
    def step(image):
        return np.abs(np.diff(image[:, :, 12].mean(axis=0))).max()

    assert step(image_of(tube, psf=(2.0, 2.0), cnr=50.0)) < 0.6 * step(image_of(tube, cnr=50.0))


def test_volume_without_vessels_and_full_of_vessels():
    empty = (np.full(SHAPE, -1, np.float32), np.zeros(SHAPE, np.float32))
    full = (np.full(SHAPE, 5, np.float32), np.ones(SHAPE, np.float32))
    for scene in (empty, full):
        assert np.isfinite(image_of(scene)).all()


def test_smooth_field_has_unit_variance_and_is_smooth():
    fields = np.stack([smooth_field(np.random.default_rng(s), (24, 24, 12), (6, 6, 6)) for s in range(200)])
    np.testing.assert_allclose(fields.std(axis=0), 1.0, atol=0.25)
    assert np.abs(np.diff(fields, axis=1)).mean() < 0.3


@pytest.mark.parametrize("style", STYLES)
def test_drawn_appearances_stay_in_range_and_vary(style):
    looks = [draw_appearance(np.random.default_rng(s), style) for s in range(40)]
    assert all(1.4 < a.cnr < 31 and 0 < a.background < 0.8 and a.full_scale >= 1 for a in looks)
    assert not any(a.integer and a.full_scale == 1 for a in looks)  # that would leave a binary image
    assert len({a.cnr for a in looks}) > 30


def test_tones_are_shared_by_a_tree():
    line = np.zeros((3, 3))
    segments = [Segment(line, np.ones(3), 1.0, -1, group) for group in np.repeat([0, 1], 200)]
    tones = np.log(replace(PLAIN, tone_spread=0.5).tones(np.random.default_rng(1), segments))
    assert abs(tones[:200].mean() - tones[200:].mean()) > tones[:200].std() / 10
    assert (replace(PLAIN, tone_spread=0.0).tones(np.random.default_rng(1), segments) == 1).all()
