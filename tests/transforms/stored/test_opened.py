"""What is on disk is to the bit what would be in memory, and so are the voxels that patches may lie around."""

import pickle

import numpy as np
import pytest
import torch

from scripts.transforms.patches import BACKGROUND, FOREGROUND
from scripts.transforms.spatial import ACROSS
from scripts.transforms.stored import opened
from tests.transforms.stored.conftest import EXAMPLES, make

ALL = (slice(None),) * 4


def test_image_and_label_are_those_in_memory(drawn_from):
    memory, disk = drawn_from.memory, drawn_from.disk
    assert disk[ACROSS] == memory[ACROSS]
    for key in ("image", "label"):
        assert disk[key].shape == memory[key].shape
        found = disk[key][ALL]
        assert found.dtype == memory[key].dtype
        assert torch.equal(found, memory[key])
        part = (slice(None), slice(3, 9), slice(0, 5), slice(2, 4))
        assert torch.equal(disk[key][part], memory[key][part])
        assert torch.equal(disk[key][(0, *part[1:])], memory[key][(0, *part[1:])])


@pytest.mark.parametrize("kind", [FOREGROUND, BACKGROUND])
def test_every_voxel_of_a_kind_has_one_place(drawn_from, kind):
    disk, memory = drawn_from.disk[kind], drawn_from.memory[kind]
    assert len(disk) == len(memory)
    some = [disk[index] for index in range(0, len(disk), max(1, len(disk) // 200))]  # test_cells.py: all
    assert len(set(some)) == len(some)
    assert set(some) <= set(memory.tolist())


@pytest.mark.parametrize("suffix", [".nii.gz", ".npy"])
@pytest.mark.parametrize("how", [{}, {"lower": 1, "upper": 99, "invert": "true"}], ids=str)
def test_other_files_and_scalings(tmp_path, suffix, how):
    found = make(tmp_path, *EXAMPLES["region"], suffix=suffix, **how)
    assert torch.equal(found.disk["image"][ALL], found.memory["image"])
    again = pickle.loads(pickle.dumps(found.disk))  # as another process has it
    assert torch.equal(again["label"][ALL], found.memory["label"])


def test_what_is_scored_is_that_in_memory(drawn_from):
    read, expected = drawn_from.read(), drawn_from.scored
    for key in ("image", "label"):
        assert torch.equal(read[key].as_tensor(), expected[key].as_tensor())
        assert read[key].dtype == expected[key].dtype
        assert torch.equal(read[key].affine, expected[key].affine)
        assert read[key].meta["filename_or_obj"] == drawn_from.item[key]
        assert read[key].meta["unit"] == expected[key].meta["unit"]
    assert read["name"] == "v"


def test_inverted_images_are_scored_as_such(tmp_path):
    found = make(tmp_path, *EXAMPLES["region"], invert="true")
    assert found.read()["image"].meta["inverted"] is True
    assert torch.equal(found.read()["image"].as_tensor(), found.scored["image"].as_tensor())


def test_of_a_large_volume_a_part_is_scored(tmp_path, monkeypatch):
    monkeypatch.setattr(opened, "MAX_READ", 12**3)
    found = make(tmp_path, *EXAMPLES["whole"])
    label = found.read()["label"]
    scored = (label >= 0).nonzero()[:, 1:]
    sides = scored.amax(dim=0) - scored.amin(dim=0) + 1
    assert sides.prod() <= 12**3
    assert len(scored) == sides.prod()
    assert all(side <= most + 2 * margin for side, most, margin in zip(label.shape[1:], sides, (3, 4, 5), strict=True))


def test_a_label_that_changes_meanwhile_is_noticed(tmp_path):
    label, *rest = EXAMPLES["whole"]
    found = make(tmp_path, label, *rest, suffix=".npy")
    path = tmp_path / "labels" / "v.npy"
    np.save(path, np.zeros_like(np.load(path)))
    with pytest.raises(ValueError, match=r"v\.npy: was changed while it was trained on"):
        found.disk[FOREGROUND][3]
