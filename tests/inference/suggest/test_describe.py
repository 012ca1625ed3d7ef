import numpy as np
import pytest

from scripts.inference import describe

BOX = ((0, 16), (0, 16), (0, 16))


def block(brightness, share=0.25):
    """A bright bar through a dark block, and what a network is sure of: the bar."""
    image = np.full((16, 16, 16), 0.1, np.float32)
    probability = np.zeros_like(image)
    image[:, : int(16 * share)] = brightness
    probability[:, : int(16 * share)] = 1
    return image, probability


def test_uncertainty_is_the_mean_spread_of_the_block():
    image, probability = block(0.9)
    spread = np.zeros_like(image)
    spread[:, 4:6] = 0.4
    assert describe(BOX, image, probability, spread, np.eye(4)).uncertainty == pytest.approx(0.4 * 2 / 16)


def test_features_tell_how_vessel_and_the_rest_look_and_how_much_there_is():
    bright, dim, wide = (
        describe(BOX, *block(*of), np.zeros((16, 16, 16), np.float32), np.eye(4)).features
        for of in ((0.9,), (0.5,), (0.9, 0.5))
    )
    half = len(bright) // 2
    assert bright[0] > dim[0] + 0.2  # the blurred intensity of vessel
    assert bright[half] == pytest.approx(dim[half], abs=0.1)  # and of the rest
    assert (bright[-1], wide[-1]) == pytest.approx((0.25, 0.5))


def test_the_place_is_the_centre_in_the_units_of_the_volume():
    box = ((16, 32), (0, 16), (4, 20))
    found = describe(box, *block(0.9), np.zeros((16, 16, 16), np.float32), np.diag([0.5, 0.5, 2, 1]))
    assert found.place.tolist() == [12, 4, 24]


def test_a_block_without_vessel_has_features_too():
    found = describe(BOX, *(np.zeros((16, 16, 16), np.float32) for _ in range(3)), np.eye(4))
    assert np.isfinite(found.features).all()
