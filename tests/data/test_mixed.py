"""Real datasets beside synthetic volumes: which patch is which, whoever asks, and which folders are meant."""

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.transforms import Compose, RandSpatialCropd
from torch.utils.data import DataLoader

from scripts.core import BUNDLE
from scripts.data import (
    EpochSampler,
    MixedPatches,
    PatchDataset,
    Synthesised,
    SyntheticPatches,
    dataset_folders,
    find_labelled,
    pad_collate,
    real_volumes,
    share_of_real,
    vessel_values,
)
from tests.helpers.dataset_examples import RIGID, write_pair, write_tubes

NONE = {"region": None, "dataset_weights": None}
LABELS = {"channel": None, "unlabelled_value": None}
CROP = RandSpatialCropd(["image", "label"], (8, 8, 8), random_size=False)


class Small:
    """Draws volumes of 16³."""

    def __call__(self, data):
        return Synthesised()({**data, "shape": (16, 16, 16)})


def number(data):
    """The real volumes: all voxels are their number."""
    value = data["value"]
    return {key: torch.full((1, 16, 16, 16), float(value)) for key in ("image", "label")}


def mixed(share=0.4, real=True, seed=3):
    synthetic = SyntheticPatches(Small(), Compose([CROP]), length=6, seed=seed, per_volume=4)
    items = [{"name": f"v{value}", "image": "i", "label": "l", "value": value, "dataset": d} for value, d in REAL]
    volumes = PatchDataset(items, Compose([number, CROP]), length=6, seed=seed, weights={"a": 3}) if real else None
    return MixedPatches(synthetic, volumes, share, seed)


REAL = ((-2, "a"), (-3, "b"), (-4, "b"))


def test_a_share_of_the_patches_is_real_and_the_rest_stays_as_it_was():
    dataset, alone = mixed(), mixed(real=False)
    shares = [dataset.is_real(index) for index in range(4000)]
    assert np.mean(shares) == pytest.approx(0.4, abs=0.03)
    assert not any(alone.is_real(index) for index in range(100))
    for index in range(40):
        patch = dataset[index]["image"]
        assert (patch.min() < -1) == dataset.is_real(index)
        if not dataset.is_real(index):
            torch.testing.assert_close(patch, alone[index]["image"], rtol=0, atol=0)


def test_datasets_are_drawn_from_by_their_weights():
    dataset = mixed(share=1)
    drawn = [int(dataset[index]["image"].min()) for index in range(1200)]
    shares = [np.mean(np.equal(drawn, value)) for value, _ in REAL]
    np.testing.assert_allclose(shares, [3 / 4, 1 / 8, 1 / 8], atol=0.04)


def test_the_number_of_workers_changes_nothing():
    def batches(workers):
        dataset = mixed()
        sampler = EpochSampler(dataset)
        sampler.set_epoch(2)
        loader = DataLoader(dataset, batch_size=2, sampler=sampler, num_workers=workers, collate_fn=pad_collate)
        return torch.stack([batch["image"] for batch in loader])

    alone = batches(0)
    assert (alone < -1).any()
    assert (alone >= 0).any()
    torch.testing.assert_close(batches(2), alone, rtol=0, atol=0)


def test_a_share_that_is_none():
    with pytest.raises(ValueError, match=r"--real_share 1.5"):
        mixed(share=1.5)


@pytest.fixture
def two(tmp_path):
    """A folder of two datasets, one of them with several classes and voxels that are not labelled."""
    label = np.zeros((40, 36, 33))
    label[:, 16:20, 14:18] = 255
    write_pair(tmp_path / "all" / "a", "one", label + np.arange(33), label)
    label[label > 0] = 7
    label[:20, 16:20, 14:18] = 2
    label[:, :8] = -1
    write_pair(tmp_path / "all" / "b", "two", label + np.arange(33), label)
    (tmp_path / "all" / "notes").mkdir()
    return tmp_path / "all"


def test_a_dataset_or_a_folder_of_them_or_a_list(two, caplog):
    a, b = str(two / "a"), str(two / "b")
    assert dataset_folders(None) == []
    assert dataset_folders(a) == [a]
    assert dataset_folders([a, b]) == [a, b]
    assert dataset_folders(two / "notes") == [str(two / "notes")]
    assert not caplog.text
    assert dataset_folders(two, tell=True) == [a, b]
    assert "is no dataset and not used: notes" in caplog.text


def test_volumes_of_a_folder_of_datasets_belong_to_these_by_name(two):
    found = real_volumes(two, 2, NONE, LABELS)
    assert [(item["name"], item["dataset"]) for item in found] == [("one", "a"), ("two", "b")]
    (alone,) = real_volumes(two / "b", 2, {**NONE, "region": "0:20,:,:"}, LABELS)
    assert (alone["dataset"], alone["region"][0]) == ("two", (0, 20))
    assert real_volumes(None, 2, NONE, LABELS) == []


def test_every_value_above_the_background_is_vessel(two):
    assert vessel_values([]) == [0, [1, 255, 65535]]
    assert vessel_values(find_labelled([two / "a", two / "b"])) == [0, [1, 2, 7, 255, 65535]]
    assert vessel_values(find_labelled(two / "b", unlabelled_value=0), 0) == [2, [1, 7, 255, 65535]]


def test_labels_without_vessel(tmp_path):
    empty = write_pair(tmp_path, "one", np.arange(1000.0).reshape(10, 10, 10), np.zeros((10, 10, 10)))
    with pytest.raises(ValueError, match="its labels hold no vessel"):
        vessel_values(find_labelled(empty))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"classes": 3}, "--network_def#out_channels 3: synthetic volumes have two classes"),
        ({"options": {"region": "0:8,:,:"}}, "--region 0:8,:,:: pretrain.json draws its own volumes"),
        ({"options": {"dataset_weights": [1]}}, "add real ones by --dataset_dir"),
        ({"options_of_labels": {"channel": 1}}, "--channel 1"),
        ({"dataset_dir": "nowhere"}, "nowhere: "),
    ],
)
def test_what_is_refused(arguments, words):
    given = {"dataset_dir": None, "classes": 2, "options": NONE, "options_of_labels": LABELS} | arguments
    with pytest.raises((OSError, ValueError), match=words):
        real_volumes(**given)


def test_test_volumes_have_a_use_for_a_channel():
    assert real_volumes(None, 2, NONE, {"channel": 1, "unlabelled_value": 3}, test_dir="somewhere") == []


@pytest.mark.parametrize("share", [1, 0])
def test_real_patches_of_pretrain_json_are_scaled_mapped_and_in_their_region(two, share):
    parser = ConfigParser()
    parser.read_config([str(BUNDLE / "configs" / f"{name}.json") for name in ("train", "pretrain")])
    options = {"bundle_root": str(BUNDLE), "dataset_dir": str(two), "patch_size": [32, 32, 32], "seed": 1}
    options |= {"region": "0:20,:,:", "real_share": share, "bent#prob": 0.0, "dataset_weights": {"a": 0}}
    parser.update(options | RIGID)
    dataset = parser.get_parsed_content("train#dataset")
    assert {dataset.is_real(index) for index in range(50)} == {bool(share)}
    for patch in (dataset.real[index] for index in range(6)) if share else ():
        image, label = patch["image"], patch["label"]
        assert image.shape == label.shape == (1, 32, 32, 32)
        assert set(label.unique().tolist()) == {-1, 0, 1}  # of -1, 0, 2 and, outside the region, 7
        assert (label >= 0).sum() <= 20 * 32 * 32
        assert 0 <= image.min() < image.max() <= 1
        assert (label == 1).any()
    recipe = parser.get_parsed_content("recipe")
    assert recipe["real_share"] == share
    assert [name for name, _ in recipe["real"]] == ["one", "two"]


def test_the_share_of_a_replay_is_that_of_the_rest():
    assert share_of_real(0, 3) == 1
    assert share_of_real(0.25, 2) == 0.75


@pytest.mark.parametrize(("replay", "classes", "words"), [(1, 2, "below 1"), (0.3, 3, "3 classes apart")])
def test_a_replay_of_nothing_else_or_beside_classes_is_refused(replay, classes, words):
    with pytest.raises(ValueError, match=f"--replay {replay}.*{words}"):
        share_of_real(replay, classes)


def test_fine_tuning_replays_only_if_asked_for(tmp_path):
    """With no replay every patch is that of the volume, drawn as it would be without this."""
    dataset = write_tubes(tmp_path / "data", "v", (40, 36, 40))
    options = {"bundle_root": str(BUNDLE), "dataset_dir": str(dataset), "patch_size": [32, 32, 32], "batch_size": 2}
    patches = {}
    for names, replay in ((("train",), None), (("train", "finetune"), 0), (("train", "finetune"), 0.5)):
        parser = ConfigParser()
        parser.read_config([str(BUNDLE / "configs" / f"{name}.json") for name in names])
        parser.update(options | {"iterations_per_epoch": 8} | ({} if replay is None else {"replay": replay}))
        found = parser.get_parsed_content("train#dataloader").dataset
        real = [replay is None or found.is_real(index) for index in range(16)]
        assert set(real) == ({True, False} if replay else {True})
        index = real.index(True)
        patches[replay] = found[index]["image"], index
    assert torch.equal(patches[0][0], patches[None][0])
    assert patches[0.5][0].shape == (1, 32, 32, 32)
