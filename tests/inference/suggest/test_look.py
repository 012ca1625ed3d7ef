import numpy as np
import pytest

from scripts.inference import Looker
from scripts.io import open_volume, write_volume

BOXES = [((0, 16), (0, 16), (0, 16)), ((16, 32), (8, 24), (0, 16))]
DULL = ((32, 48), (0, 16), (0, 16))


@pytest.fixture(scope="module")
def looker(tiny_weights):
    return Looker(tiny_weights, device="cpu")


@pytest.fixture
def volume(tmp_path):
    image = np.random.default_rng(0).integers(0, 1000, (48, 32, 16)).astype(np.uint16)
    image[32:] = 7
    with open_volume(write_volume(tmp_path / "a.tif", image, voxel_size=(1, 1, 2), unit="µm")) as opened:
        yield opened


def test_intensities_are_scaled_as_in_the_whole_volume(looker, volume):
    scaling = looker.scaling(volume)
    assert (scaling.low, scaling.high) == (0, 999)
    assert looker.normalisation.startswith("0 100")


def test_views_differ_and_blocks_without_contrast_are_left_out(looker, volume):
    scaling, looked_at = looker.scaling(volume), []
    found = looker.describe(volume, scaling, [BOXES[0], DULL, BOXES[1]], 5, lambda: looked_at.append(1))
    assert [each.box for each in found] == BOXES
    assert all(each.uncertainty > 0 for each in found)
    assert len(looked_at) == 2
    assert [each.box for each in looker.describe(volume, scaling, BOXES, 1)] == BOXES[:1]


def test_what_it_sees_of_a_block_is_the_same_each_time(looker, volume):
    scaling = looker.scaling(volume)
    one, other = (looker.describe(volume, scaling, BOXES[:1], 1)[0] for _ in range(2))
    assert np.array_equal(one.features, other.features)
    assert one.uncertainty == other.uncertainty
