"""Label values that become class indices, and regions outside of which nothing is labelled."""

import pytest
import torch
from monai.data import MetaTensor

from scripts.transforms import KeepRegiond, MapLabelsd, SetValuesd, is_labelled

SHAPE = (5, 4, 3)


def mapped(values, *args, **kwargs):
    label = torch.tensor(values, dtype=torch.float32).reshape(1, -1, 1, 1)
    return MapLabelsd("label", *args, **kwargs)({"label": label})["label"]


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


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.float64])
@pytest.mark.parametrize("kwargs", [{}, {"unlabelled_value": 2.0**24 + 3}])
def test_large_values_are_told_apart(dtype, kwargs):
    """Single precision has no 2^24 + 1."""
    label = torch.tensor([0, 2**24, 2**24 + 1, 2**24 + 2, 2**24 + 3], dtype=dtype).reshape(1, -1, 1, 1)
    known = [0, 2**24, 2**24 + 1, 2**24 + 2]
    out = MapLabelsd("label", known + ([] if kwargs else [2**24 + 3]), **kwargs)({"label": label})["label"]
    assert out.flatten().tolist() == [0, 1, 2, 3, -1 if kwargs else 4]
    with pytest.raises(ValueError, match=r"holds 16777217, which is not among \[0, 16777216\]"):
        MapLabelsd("label", [0, 2**24])({"label": label})


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8])
def test_values_beyond_the_type_of_a_label_do_not_wrap_around(dtype):
    label = torch.tensor([0, 44], dtype=dtype).reshape(1, -1, 1, 1)
    out = MapLabelsd("label", [0, 44, 300], unlabelled_value=256)({"label": label})["label"]
    assert out.flatten().tolist() == [0, 1]


def test_a_large_label_is_mapped_in_parts(monkeypatch):
    monkeypatch.setattr("scripts.core.logits.SLAB", 12)
    label = torch.arange(60).reshape(1, 5, 4, 3) % 3
    torch.testing.assert_close(MapLabelsd("label", [0, 1, 2])({"label": label})["label"], label.to(torch.int8))


def test_several_values_may_be_one_class():
    label = torch.tensor([[[[0.0, 1.0, 255.0, -1.0, 7.0]]]])
    mapped = MapLabelsd("label", values=[0, [1, 255], 7])({"label": label})["label"]
    assert mapped.flatten().tolist() == [0, 1, 1, -1, 2]


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
    ("values", "classes", "known", "written"),
    [
        (None, 3, None, [0, 1, 2]),
        ("", 3, None, [0, 1, 2]),
        (255, 2, None, [0, 255]),
        ("255", 2, None, [0, 255]),
        ([200, 100], 3, None, [0, 200, 100]),
        ("[200, 100]", 3, None, [0, 200, 100]),
        ("labels", 3, [0, 2, 7], [0, 2, 7]),
        ("labels", 2, [0, [1, 255]], [0, 255]),
        ("labels", 2, None, [0, 1]),
    ],
)
def test_values_of_the_file(values, classes, known, written):
    found = torch.arange(classes, dtype=torch.uint8).reshape(1, classes, 1, 1)
    out = SetValuesd("pred", values, classes, known)({"pred": found})["pred"]
    assert out.flatten().tolist() == written
    assert out.dtype == torch.uint8


@pytest.mark.parametrize(
    ("values", "classes", "known", "told"),
    [
        (0, 2, None, "whole numbers from 1 to 255"),
        (256, 2, None, "whole numbers from 1 to 255"),
        ("white", 2, None, "neither whole numbers from 1 to 255 nor `labels`"),
        (1.5, 2, None, "neither whole numbers"),
        (True, 2, None, "neither whole numbers"),
        (255, 3, None, "tells 2 classes of vessel apart"),
        ([7, 7], 3, None, "all different"),
        ("labels", 2, [0, 65535], "whole numbers from 1 to 255"),
    ],
)
def test_values_that_no_segmentation_can_have(values, classes, known, told):
    with pytest.raises(ValueError, match=f"--label_value .*{told}"):
        SetValuesd("pred", values, classes, known)
