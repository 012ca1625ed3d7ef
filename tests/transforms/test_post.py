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


def in_a_file(probability, folder, unit="µm", size=(0.5, 0.5, 2.0)):
    """The probability of vessel `(X, Y, Z)` as what the network found in a file with such voxels."""
    known = {"voxel_size": size, "unit": unit} if unit else {}
    write_volume(folder / "v.tif", ramp(probability.shape, 0), **known)
    data = Compose([LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True)])(
        {"image": str(folder / "v.tif")}
    )
    data["pred"] = MetaTensor(torch.stack((1 - probability, probability)), meta=data["image"].meta)
    return data


def test_what_is_certain_grows_then_holes_are_filled_then_small_pieces_go(tmp_path):
    vessel = torch.zeros(9, 9, 9)
    vessel[0:5, 0:5, 0:5] = 0.35  # a cube that is certain in one corner and has a hole
    vessel[0, 0, 0], vessel[2, 2, 2] = 0.9, 0
    vessel[8, 8, 6:9] = 0.9  # three voxels
    vessel[7, 0, 0:4] = 0.35  # nowhere certain
    data = in_a_file(vessel, tmp_path, unit="")

    def found(**how):
        return int(ThresholdVesselsd("pred", 0.5, **how)(data)["pred"].sum())

    assert found() == 4
    assert found(hysteresis=0.6) == 4
    assert found(hysteresis=0.3) == 124 + 3
    assert found(hysteresis=0.3, fill_holes=1) == 125 + 3
    assert found(hysteresis=0.3, fill_holes=1, min_size=4) == 125
    assert found(min_size="4 voxels") == 0
    assert found(min_size=3) == 3


def test_volumes_are_in_the_unit_of_the_file(tmp_path):
    vessel = torch.zeros(6, 6, 6)
    vessel[1, 1, 1:4] = 1  # three voxels of 0.5 x 0.5 x 2 µm
    data = in_a_file(vessel, tmp_path)
    for size, left in ((1.5, 3), (1.6, 0), ("3 voxels", 3), ("4 voxels", 0)):
        assert int(ThresholdVesselsd("pred", 0.5, min_size=size)(data)["pred"].sum()) == left
        # the image has the metadata where the probabilities have none
        bare = {**data, "pred": data["pred"].as_tensor()}
        assert int(ThresholdVesselsd("pred", 0.5, min_size=size)(bare)["pred"].sum()) == left


def test_a_filled_hole_is_of_its_likeliest_vessel_class():
    probability = torch.full((3, 5, 5, 5), 0.1)
    probability[2] = 0.8
    probability[:, 2, 2, 2] = torch.tensor([0.9, 0.04, 0.06])
    probability[:, 3, 2, 2] = torch.tensor([0.9, 0.06, 0.04])
    out = ThresholdVesselsd("pred", 0.5, fill_holes="2 voxels")({"pred": probability})["pred"]
    assert (out[0, 2, 2, 2], out[0, 3, 2, 2], out.sum()) == (2, 1, 2 * 124 + 1)
    assert out.dtype == torch.uint8


def test_cleaned_class_indices_keep_their_metadata(tmp_path):
    data = in_a_file(torch.ones(5, 4, 3), tmp_path)
    out = ThresholdVesselsd("pred", 0.5, min_size="9 voxels")(data)["pred"]
    assert out.meta["filename_or_obj"] == data["pred"].meta["filename_or_obj"]
    assert out.shape == (1, 5, 4, 3)


def test_another_hysteresis_is_refused():
    with pytest.raises(ValueError, match=r"--hysteresis 1\.5: is not between 0 and 1"):
        ThresholdVesselsd("pred", 0.5, hysteresis=1.5)
