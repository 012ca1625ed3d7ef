"""The spread of predictions against numpy's standard deviation, and the file of it."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, LoadImaged

from scripts.inference import SaveSpreadd
from scripts.inference.uncertainty import Spread
from scripts.io import VolumeReader, read_volume, write_volume
from tests.helpers.dataset_examples import ramp


@pytest.mark.parametrize("classes", [2, 4])
def test_it_is_the_standard_deviation_of_the_probability_of_vessel(classes):
    logits = torch.randn(5, 1, classes, 3, 4, 2, generator=torch.Generator().manual_seed(0))
    spread = Spread()
    for one in logits:
        spread.add(one)
    vessel = logits.softmax(dim=2)[:, :, 1:].sum(dim=2, keepdim=True)
    np.testing.assert_allclose(spread.deviation(), vessel.std(dim=0, correction=0), atol=1e-6)


def test_one_prediction_has_no_spread():
    spread = Spread()
    spread.add(torch.randn(1, 2, 3, 3, 3))
    assert not spread.deviation().any()


class Known:
    def __init__(self, spread):
        self.spread = spread

    def take_spread(self):
        return self.spread


@pytest.mark.parametrize("known", [True, False], ids=["views differ", "an empty tile"])
def test_it_is_written_as_a_file_like_the_image(known, tmp_path):
    write_volume(tmp_path / "v.tif", ramp((5, 4, 3), 0), voxel_size=(1, 1, 2), unit="mm")
    load = Compose([LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True)])
    data = load({"image": str(tmp_path / "v.tif")})
    data["pred"] = MetaTensor(torch.zeros(2, 5, 4, 3), meta=data["image"].meta)
    spread = torch.rand(1, 1, 5, 4, 3) if known else None
    out = SaveSpreadd("pred", Known(spread), str(tmp_path / "out"))(data)
    assert out["pred"] is data["pred"]
    info, voxels = read_volume(tmp_path / "out" / "v_std.tif")
    np.testing.assert_array_equal(voxels, spread[0, 0] if known else np.zeros((5, 4, 3)))
    assert voxels.dtype == np.float32
    assert info.voxel_size == pytest.approx((1, 1, 2))
