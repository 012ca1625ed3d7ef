"""What the simulated microscope does to a tube in the middle of a small volume."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from scripts.synthesis.rasterise import rasterise
from scripts.synthesis.rendering import render
from scripts.synthesis.segments import Segment
from tests.helpers.plain_look import PLAIN

SHAPE = (40, 40, 24)


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


@pytest.mark.parametrize("what", [{"organ": 1.5}, {"cells": 5.0, "cell_brightness": 1.2}])
def test_distractors_lie_outside_the_vessel(tube, what):
    outside = tube[0] < -0.5
    bright = 0.5 * np.median(image_of(tube)[tube[0] >= 0])
    assert (image_of(tube)[outside] > bright).mean() < 0.001
    # Brightness is normalised to the maximum, so compare with the vessel in the same image.
    image = image_of(tube, **what)
    assert (image[outside] > 0.4 * np.median(image[tube[0] >= 0])).mean() > 0.005


def test_a_plate_shows_in_deep_volumes_only():
    """Seen in a few slices, an upright one would look like any vessel."""
    shown = []
    for depth in (18, 20):
        points = np.linspace((-5.0, 20, 9), (45, 20, 9), 100)
        tube = rasterise([Segment(points, np.full(100, 3.0), 3.0)], (40, 40, depth), 1.0, np.ones(1))
        image, outside = image_of(tube, sheet=1.2, cnr=50.0), tube[0] < -0.5
        shown.append((image[outside] > 0.4 * np.median(image[tube[0] >= 0])).mean() > 0.005)
    assert shown == [False, True]


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


def test_a_dome_grows_brighter_towards_the_axis(tube):
    across = {reach: image_of(tube, profile="dome", dome=reach, cnr=50.0)[:, 20:24, 12].mean(0) for reach in (1, 6)}
    assert all(np.diff(line).max() < 0 for line in across.values())
    # near the edge there is less to see of one that reaches deeper
    assert across[6][3] / across[6][0] < across[1][3] / across[1][0] < 0.9


def test_only_the_wall_is_stained(tube):
    image = image_of(tube, profile="wall", cnr=50.0)
    assert image[:, 20, 12].mean() < 0.3 * image[:, 20, 9].mean()
    # a thicker wall leaves less of the lumen
    assert image_of(tube, profile="wall", wall=4.0, cnr=50.0)[:, 20, 11].mean() > image[:, 20, 11].mean()


def test_dye_does_not_reach_everywhere(tube):
    filled = image_of(tube, cnr=50.0)[:, 20, 12]
    patchy = [
        render(np.random.default_rng(seed), *tube, 1.0, replace(PLAIN, gaps=0.95, cnr=50.0))[:, 20, 12]
        for seed in range(8)
    ]
    assert filled.min() > 0.8 * filled.max()
    assert min(line.min() / line.max() for line in patchy) < 0.4


def test_dark_vessels_are_darker_than_the_background(tube):
    image = image_of(tube, dark=True, background=0.4)
    inside, outside = tube[0] > 1, tube[0] <= -1
    assert image[inside].mean() < image[outside].mean() - 5 * image[outside].std()


def test_a_shell_is_bright_and_what_it_encloses_is_not():
    nothing = (np.full((96, 96, 96), -1, np.float32), np.zeros((96, 96, 96), np.float32))
    look = {"organ": 1.0, "organ_edge": 8.0, "cnr": 200.0}
    full, shell = (image_of(nothing, organ_shell=shell, **look) for shell in (False, True))
    within = ndimage.binary_erosion(full > 128, iterations=8)
    assert within.any()
    assert full[within].min() > 200
    assert shell[within].mean() < 60
    assert (shell > 128).mean() > 0.01


def test_stripes_run_straight_and_rings_run_round(tube):
    nothing = (np.full(SHAPE, -1, np.float32), np.zeros(SHAPE, np.float32))
    plain, stripes, rings = (image_of(nothing, cnr=100.0, **more) for more in ({}, {"stripes": 1.0}, {"rings": 1.0}))
    # the same in all slices: the mean over Z keeps them and averages the noise
    assert min(np.mean(each, axis=2).std() / each.std() for each in (stripes, rings)) > 0.9
    assert np.mean(plain, axis=2).std() / plain.std() < 0.5
    bands = stripes.mean(axis=2)
    assert min(np.ptp(bands, axis=0).max(), np.ptp(bands, axis=1).max()) < 0.2 * np.ptp(bands)
    assert min(np.ptp(rings.mean(axis=2), axis=axis).max() for axis in (0, 1)) > 0.2 * np.ptp(rings)


def test_blur_softens_the_edge(tube):
    def step(image):
        return np.abs(np.diff(image[:, :, 12].mean(axis=0))).max()

    assert step(image_of(tube, psf=(2.0, 2.0), cnr=50.0)) < 0.6 * step(image_of(tube, cnr=50.0))


def test_volume_without_vessels_and_full_of_vessels():
    empty = (np.full(SHAPE, -1, np.float32), np.zeros(SHAPE, np.float32))
    full = (np.full(SHAPE, 5, np.float32), np.ones(SHAPE, np.float32))
    for scene in (empty, full):
        assert np.isfinite(image_of(scene)).all()
