"""What becomes of logits: probabilities, class indices and files."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, LoadImaged

from scripts.io import VolumeReader, read_volume, write_volume
from scripts.transforms import SaveProbabilityd, SoftmaxInPlaced, ThresholdVesselsd
from tests.helpers.dataset_examples import ramp

SHAPE = (5, 4, 3)


@pytest.mark.parametrize("shape", [(2, 40, 3, 5), (3, 1, 2, 2), (4, 17, 1, 1)], ids=str)
def test_softmax_needs_no_memory_of_its_own(shape):
    logits = torch.randn(shape)
    expected, memory = logits.softmax(dim=0), logits.data_ptr()
    found = SoftmaxInPlaced("pred")({"pred": MetaTensor(logits, meta={"filename_or_obj": "a.tif"})})["pred"]
    assert torch.equal(found.as_tensor(), expected)
    assert found.data_ptr() == memory
    assert found.meta["filename_or_obj"] == "a.tif"


@pytest.mark.parametrize(
    ("probabilities", "threshold", "classes"),
    [
        ([[0.6, 0.5, 0.4, 0.0], [0.4, 0.5, 0.6, 1.0]], 0.5, [0, 0, 1, 1]),
        ([[0.6, 0.5, 0.4, 0.0], [0.4, 0.5, 0.6, 1.0]], 0.3, [1, 1, 1, 1]),
        ([[0.6, 0.5, 0.4, 0.0], [0.4, 0.5, 0.6, 1.0]], 0.7, [0, 0, 0, 1]),
        # together the two vessel classes outweigh the background, though neither does alone
        ([[0.4, 0.4, 0.9], [0.35, 0.25, 0.0], [0.25, 0.35, 0.1]], 0.5, [1, 2, 0]),
        ([[0.4, 0.4, 0.9], [0.35, 0.25, 0.0], [0.25, 0.35, 0.1]], 0.05, [1, 2, 2]),
    ],
)
def test_threshold(probabilities, threshold, classes):
    pred = torch.tensor(probabilities)[..., None, None]  # (K, X, 1, 1)
    out = ThresholdVesselsd("pred", threshold)({"pred": pred})["pred"]
    assert out.dtype == torch.uint8
    assert out.shape == (1, len(classes), 1, 1)
    assert out.flatten().tolist() == classes


@pytest.mark.parametrize("threshold", [-0.1, 1.1])
def test_thresholds_outside_0_to_1(threshold):
    with pytest.raises(ValueError, match=f"--threshold {threshold}: is not"):
        ThresholdVesselsd("pred", threshold)


@pytest.mark.parametrize("classes", [2, 3])
def test_saved_probability_is_that_of_vessel(tmp_path, classes):
    write_volume(tmp_path / "v.tif", ramp(SHAPE, 0), voxel_size=(1, 1, 2), unit="mm")
    load = Compose([LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True)])
    data = load({"image": str(tmp_path / "v.tif")})
    probability = torch.softmax(torch.rand(classes, *SHAPE, generator=torch.Generator().manual_seed(0)), dim=0)
    data["pred"] = MetaTensor(probability, meta=data["image"].meta)
    out = SaveProbabilityd("pred", str(tmp_path / "out"))(data)
    assert out["pred"] is data["pred"]  # the threshold that follows sees the background too
    path = tmp_path / "out" / "v_prob.tif"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    for number in range(1, classes):
        info, voxels = read_volume(path, channel=number - 1 if classes > 2 else None)
        assert voxels.dtype == np.float32
        np.testing.assert_array_equal(voxels, probability[number].numpy())
        np.testing.assert_allclose(info.voxel_size, (1, 1, 2))
