"""Transforms of whole volumes: intensities, label maps, regions, thresholds and what is written."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, LoadImaged

from scripts.io import VolumeReader, read_volume, write_volume
from scripts.transforms import (
    KeepRegiond,
    MapLabelsd,
    SaveProbabilityd,
    ScaleToUnitd,
    SoftmaxInPlaced,
    ThresholdVesselsd,
    is_labelled,
)
from tests.helpers.dataset_examples import ramp, train_parser, write_pair

SHAPE = (5, 4, 3)
ONE = {"image": torch.tensor([2.0, 3.0, 4.0, 10.0]).reshape(1, 4, 1, 1)}


def scaled(image=ONE["image"], **how):
    return ScaleToUnitd("image", **how)({"image": image})["image"].flatten().tolist()


def mapped(values, *args, **kwargs):
    label = torch.tensor(values, dtype=torch.float32).reshape(1, -1, 1, 1)
    return MapLabelsd("label", *args, **kwargs)({"label": label})["label"]


def test_minimum_and_maximum_become_0_and_1():
    assert scaled() == [0, 0.125, 0.25, 1]
    assert ONE["image"].max() == 10  # what was given is left alone


@pytest.mark.parametrize("shape", [(2, 40, 3, 5), (3, 1, 2, 2), (4, 17, 1, 1)], ids=str)
def test_softmax_needs_no_memory_of_its_own(shape):
    logits = torch.randn(shape)
    expected, memory = logits.softmax(dim=0), logits.data_ptr()
    found = SoftmaxInPlaced("pred")({"pred": MetaTensor(logits, meta={"filename_or_obj": "a.tif"})})["pred"]
    assert torch.equal(found.as_tensor(), expected)
    assert found.data_ptr() == memory
    assert found.meta["filename_or_obj"] == "a.tif"


def test_percentiles_clip():
    hundred = torch.arange(101.0).reshape(1, 101, 1, 1)
    out = scaled(hundred, lower=10, upper=90)
    assert out[:11] == [0] * 11
    assert out[90:] == [1] * 11
    assert out[50] == pytest.approx(0.5)
    assert out[30] == pytest.approx(0.25)


def test_percentiles_of_a_nearly_empty_volume_are_its_ends():
    """Three threads in the dark: both percentiles are 0, and there is something to segment."""
    dark = torch.zeros(1, 20, 20, 20)
    dark[0, 3:6, 4, :] = 8
    dark[0, 3, 4, 0] = 10
    out = scaled(dark, lower=0.5, upper=99)
    assert (min(out), max(out), sorted(set(out))[1]) == (0, 1, pytest.approx(0.8))


def test_percentiles_of_a_large_volume_are_estimated(monkeypatch):
    voxels = torch.rand(1, 64, 64, 64, generator=torch.Generator().manual_seed(0)) * 200
    exact = scaled(voxels, lower=1, upper=99)
    monkeypatch.setattr("scripts.transforms.intensity.MOST_SORTED", 2**14)
    estimated = scaled(voxels, lower=1, upper=99)
    assert estimated == scaled(voxels, lower=1, upper=99)
    assert estimated != exact
    np.testing.assert_allclose(estimated, exact, atol=0.01)
    voxels[0, 0, 0, 0] = 1000
    assert scaled(voxels, lower=1, upper=100)[0] == 1  # the maximum is one, whatever is drawn
    assert np.median(scaled(voxels, lower=1, upper=100)) == pytest.approx(0.1, abs=0.01)


def test_one_hot_voxel_does_not_darken_a_volume():
    image = torch.linspace(0, 100, 8000).reshape(1, 20, 20, 20)
    image[0, 0, 0, 0] = 65535
    assert np.median(scaled(image, lower=0.5, upper=99.5)) == pytest.approx(0.5, abs=0.01)


def test_a_block_is_scaled_by_its_parents_range():
    block = MetaTensor(ONE["image"], meta={"intensity_range": np.array([0.0, 8.0])})
    for how in ({}, {"lower": 25, "upper": 75}):
        assert scaled(block, **how) == [0.25, 0.375, 0.5, 1]
    constant = MetaTensor(torch.full((1, 2, 2, 2), 2.0), meta={"intensity_range": [0.0, 8.0]})
    assert scaled(constant) == [0.25] * 8  # dark all over, but of a volume that is not


def test_a_constant_volume_is_named():
    constant = MetaTensor(torch.full((1, 2, 2, 2), 7.0), meta={"filename_or_obj": "flat.tif"})
    with pytest.raises(ValueError, match=r"^flat.tif: every voxel is 7.*; check"):
        scaled(constant)
    with pytest.raises(ValueError, match="every voxel"):
        scaled(torch.zeros(1, 2, 2, 2), lower=1, upper=99)


@pytest.mark.parametrize(("lower", "upper"), [(50, 50), (60, 40), (-1, 100), (0, 101)])
def test_percentiles_out_of_order(lower, upper):
    with pytest.raises(ValueError, match=f"lower {lower} and upper {upper}"):
        ScaleToUnitd("image", lower, upper)


def test_scaling_sees_the_whole_volume_and_the_file_may_say_more(tmp_path):
    """`train.json`: brightest outside the region, which is all that the pipeline keeps; then a range in the file."""
    image = np.minimum(ramp((48, 20, 16), 0), 31) + 1000 * (ramp((48, 20, 16), 0) == 47)
    label = ramp(image.shape, 1) > 9
    write_pair(tmp_path / "a", "v", image, label)
    options = {"region": "0:16,:,:", "val_fraction": 0.25}

    def loaded(dataset):
        (item,) = train_parser(dataset, **options).get_parsed_content("validate#dataset")
        return item["image"][0].numpy()

    kept = loaded(tmp_path / "a")
    assert kept.shape == (24, 20, 16)  # the region and where windows begin that reach it: the bright end is cut off
    np.testing.assert_allclose(kept, image[:24] / 1031, atol=1e-6)
    write_volume(tmp_path / "b" / "images" / "v.tif", image.astype(np.float32), intensity_range=(0, 4000))
    write_volume(tmp_path / "b" / "labels" / "v.tif", label)
    np.testing.assert_allclose(loaded(tmp_path / "b"), image[:24] / 4000, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "known", "kwargs", "classes"),
    [
        ([0, 255, 0], [0, 255], {}, [0, 1, 0]),
        ([0, 2, 7], [0, 2, 7], {}, [0, 1, 2]),
        ([0, 7], [0, 2, 7], {}, [0, 2]),
        ([7, 0], [7, 2, 0], {}, [0, 2]),  # the order given is that of the classes
        ([0, -3, -0.5, 1], [0, 1], {}, [0, -1, -1, 1]),
        ([0, 9, 1], [0, 1], {"unlabelled_value": 9}, [0, -1, 1]),
        ([0, 1, 2, -1], [1, 2], {"unlabelled_value": 0}, [-1, 0, 1, -1]),
    ],
)
def test_label_values_become_classes(values, known, kwargs, classes):
    out = mapped(values, known, **kwargs)
    assert out.dtype == torch.int8
    assert out.flatten().tolist() == classes


@pytest.mark.parametrize("strange", [3, 8, 0.5, 1.9999])
def test_strange_values_are_refused(strange):
    with pytest.raises(ValueError, match=f"holds {strange:g}, which is not among \\[0, 2, 7\\]"):
        mapped([0, 2, strange, 7], [0, 2, 7])


def test_only_the_region_counts():
    label = torch.arange(60, dtype=torch.int8).reshape(1, *SHAPE)
    out = KeepRegiond("label")({"label": label, "region": ((1, 3), (0, 2), (2, 3))})["label"]
    assert (out[:, 1:3, 0:2, 2:3] == label[:, 1:3, 0:2, 2:3]).all()
    assert (out == -1).sum() == 60 - 4
    assert (label >= 0).all()  # what was given is left alone
    assert KeepRegiond("label")({"label": label})["label"] is label
    assert is_labelled(torch.tensor([-1, 0, 2])).tolist() == [False, True, True]


def test_a_region_without_labels_is_refused():
    label = MetaTensor(torch.full((1, *SHAPE), -1), meta={"filename_or_obj": "a.tif"})
    with pytest.raises(ValueError, match=r"^a.tif: no voxel is labelled; "):
        KeepRegiond("label")({"label": label})
    label[0, 4] = 1
    with pytest.raises(ValueError, match=r"^a.tif: no voxel is labelled in 0:4,0:4,0:3; .*--region"):
        KeepRegiond("label")({"label": label, "region": ((0, 4), (0, 4), (0, 3))})


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
        np.testing.assert_allclose(info.spacing, (1, 1, 2))


def test_several_values_may_be_one_class():
    label = torch.tensor([[[[0.0, 1.0, 255.0, -1.0, 7.0]]]])
    mapped = MapLabelsd("label", values=[0, [1, 255], 7])({"label": label})["label"]
    assert mapped.flatten().tolist() == [0, 1, 1, -1, 2]
