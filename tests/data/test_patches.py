"""Which patches are drawn: by weight, and the same whatever the workers, processes, interruptions and global state."""

import random

import numpy as np
import pytest
import torch
from monai.engines import Workflow
from torch.utils.data import DataLoader

from scripts.data import EpochSampler, PatchDataset, pad_collate
from scripts.data.patches import volume_weights
from tests.helpers.dataset_examples import RIGID, ramp, train_parser, train_set, write_pair

SHAPE = (120, 20, 18)


def labelled(shape, every):
    return (ramp(shape, 0) % every == 0).astype(np.uint8)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A thick volume, with vessel at one end only so that patches are drawn again, and a thin stack."""
    folder = tmp_path_factory.mktemp("dataset")
    write_pair(folder, "thick", ramp(SHAPE, 0), ramp(SHAPE, 0) < 4)
    return write_pair(folder, "thin", ramp((40, 40, 6), 1), labelled((40, 40, 6), 4))


@pytest.fixture(scope="module")
def patches(dataset):
    return train_set(dataset)


def digest(patch):
    return tuple(patch[key].numpy().tobytes() for key in ("image", "label"))


def test_weights_are_equal_whatever_the_size():
    np.testing.assert_allclose(volume_weights(["a", "b", "c", "d"], None), [0.25] * 4)
    np.testing.assert_allclose(volume_weights(["a", "b"], {}), [0.5, 0.5])


@pytest.mark.parametrize(
    ("weights", "probabilities"),
    [([3, 0, 1], [0.75, 0, 0.25]), ({"a": 2}, [0.5, 0.25, 0.25]), ({"b": 0, "c": 3}, [0.25, 0, 0.75])],
)
def test_weights_by_order_and_by_name(weights, probabilities):
    np.testing.assert_allclose(volume_weights(["a", "b", "c"], weights), probabilities)


@pytest.mark.parametrize(
    ("weights", "probabilities"),
    [
        (None, [0.25, 0.25, 0.25, 0.25]),
        ([3, 1], [0.375, 0.125, 0.125, 0.375]),
        ({"one": 3}, [0.375, 0.125, 0.125, 0.375]),
        ({"two": 0}, [0.5, 0, 0, 0.5]),
    ],
)
def test_volumes_of_one_data_set_share_its_weight(weights, probabilities):
    np.testing.assert_allclose(volume_weights(["one", "two", "two", "one"], weights), probabilities)
    uneven = volume_weights(["one", "one", "one", "two"], weights)  # the same chance for each of the three
    np.testing.assert_allclose(uneven, [*[2 * probabilities[0] / 3] * 3, 2 * probabilities[1]])


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"thik": 2}, "names 'thik', which is not among the datasets; name some of thick, thin"),
        ([1], "are not 2 numbers, none negative and not all zero; give one for each of thick, thin"),
        ([1, 1, 1], "are not 2 numbers"),
        ([2, -1], "none negative"),
        ([0, 0], "not all zero"),
        ([1, float("nan")], "are not 2 numbers"),
    ],
)
def test_wrong_weights_are_refused(dataset, weights, words):
    with pytest.raises(ValueError, match=words):
        volume_weights(["thick", "thin"], weights)
    with pytest.raises(RuntimeError) as error:  # MONAI's, around it
        train_set(dataset, dataset_weights=weights)
    assert words in str(error.value.__cause__)


@pytest.mark.parametrize(("weights", "share"), [(None, 1 / 3), ([2, 4, 2], 1 / 4), ({"b": 6}, 1 / 8), ({"a": 0}, 0)])
def test_volumes_are_drawn_by_weight(tmp_path, weights, share):
    """Three volumes, the first labelled 0, the others 1 throughout, and one of them ten times as large."""
    for name, length, value in (("a", 16, 0), ("b", 160, 1), ("c", 16, 1)):
        shape = (length, 16, 16)
        write_pair(tmp_path, name, ramp(shape, 0), np.full(shape, value))
    patches = train_set(tmp_path, dataset_weights=weights, redraw=0.0, **RIGID)
    drawn = np.mean([float(patches[index]["label"].max()) == 0 for index in range(200)])
    assert drawn == pytest.approx(share, abs=0.1 if share else 0)


def test_datasets_are_drawn_by_weight_whatever_their_volumes(tmp_path):
    """Three volumes labelled 0 in the one dataset, one labelled 1 in the other."""
    shape = (16, 16, 16)
    for dataset, name, value in (("one", "a", 0), ("one", "b", 0), ("one", "c", 0), ("two", "d", 1)):
        write_pair(tmp_path / dataset, name, ramp(shape, 0), np.full(shape, value))
    both = [str(tmp_path / "one"), str(tmp_path / "two")]
    for weights, share in ((None, 1 / 2), ({both[1]: 3}, 3 / 4)):
        patches = train_set(tmp_path, **{"dataset_dir": both, "dataset_weights": weights, "redraw": 0.0, **RIGID})
        drawn = np.mean([float(patches[index]["label"].max()) for index in range(200)])
        assert drawn == pytest.approx(share, abs=0.1)


def test_patches_differ_by_index_and_seed_only(dataset, patches):
    first = [digest(patches[index]) for index in range(12)]
    assert len(set(first)) == 12
    np.random.seed(5)
    torch.manual_seed(5)
    random.seed(5)
    backwards = [digest(patches[index]) for index in reversed(range(12))]
    assert backwards[::-1] == first
    assert [digest(patch) for patch in (train_set(dataset)[3], train_set(dataset, seed=0)[3])] == [first[3]] * 2
    assert digest(train_set(dataset, seed=1)[3]) not in first


def test_drawing_leaves_the_global_random_state_alone(patches):
    states = np.random.get_state()[1].copy(), torch.get_rng_state()
    for index in range(12):
        patches[index]
    np.testing.assert_array_equal(np.random.get_state()[1], states[0])
    assert (torch.get_rng_state() == states[1]).all()


def test_the_cached_volume_is_not_changed_by_drawing(patches):
    before = [{key: item[key].clone() for key in ("image", "label")} for item in patches.volumes._cache]
    for index in range(10):
        patch = patches[index]
        patch["image"] += 1
        patch["label"] += 1
    for item, kept in zip(patches.volumes._cache, before, strict=True):
        assert all((item[key] == kept[key]).all() for key in kept)


def loader(dataset, **options):
    parser = train_parser(dataset, **{"iterations_per_epoch": 2, "batch_size": 3, **options})
    return parser.get_parsed_content("train#dataloader")


def epoch(batches, number):
    batches.sampler.set_epoch(number)
    return [{key: value.clone() for key, value in batch.items()} for batch in batches]


def test_the_loader_gives_whole_epochs_of_its_own(dataset):
    batches = loader(dataset)
    first, second = epoch(batches, 1), epoch(batches, 2)
    assert [batch["image"].shape[:2] for batch in first] == [(3, 1), (3, 1)]
    seen = {digest(patch) for part in (first, second) for batch in part for patch in unbatched(batch)}
    assert len(seen) == 12
    for again, batch in zip(epoch(loader(dataset), 2), second, strict=True):  # as after a resume
        assert digest(again) == digest(batch)


def unbatched(batch):
    return [{key: value[number] for key, value in batch.items()} for number in range(len(batch["image"]))]


def test_workers_draw_the_same(dataset):
    alone, helped = loader(dataset), loader(dataset, num_workers=2)
    assert helped.num_workers == 2
    for number in (1, 2):
        for one, two in zip(epoch(alone, number), epoch(helped, number), strict=True):
            assert digest(one) == digest(two)


@pytest.mark.parametrize(("length", "processes"), [(6, 2), (6, 3), (5, 2), (7, 4)])
def test_processes_share_an_epoch(length, processes):
    dataset = range(length)
    for number in (0, 1, 3):
        samplers = [EpochSampler(dataset, processes, rank) for rank in range(processes)]
        for sampler in samplers:
            sampler.set_epoch(number)
        shares = [list(sampler) for sampler in samplers]
        assert len({len(share) for share in shares}) == 1  # else the others wait for ever
        drawn = [index for step in zip(*shares, strict=True) for index in step]
        assert drawn[:length] == list(range(number * length, (number + 1) * length))
        assert set(drawn) == set(drawn[:length])  # what fills the last step is of this epoch


@pytest.mark.parametrize("resumed", [False, True])
def test_engines_tell_the_sampler_the_epoch(resumed):
    """The trainer's loop, on a dataset of nothing but indices: two epochs, or the second alone after a resume."""
    seen = []

    class Indices(torch.utils.data.Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return index

    indices = Indices()
    engine = Workflow(
        device="cpu",
        max_epochs=2,
        data_loader=DataLoader(indices, batch_size=2, sampler=EpochSampler(indices)),
        iteration_update=lambda engine, batch: seen.append(batch.tolist()),
    )
    if resumed:
        engine.load_state_dict({"epoch": 1, "max_epochs": 2, "epoch_length": 2})
    engine.run()
    assert seen == [[8, 9], [10, 11]] if resumed else [[4, 5], [6, 7], [8, 9], [10, 11]]


def test_nothing_to_train_on(dataset):
    for data, length in (([], 5), ([{"image": "a"}], 0)):
        with pytest.raises(ValueError, match=f"the training: has {len(data)} volumes and {length} patches"):
            PatchDataset(data, None, length)


def test_patches_of_thin_and_thick_volumes_make_a_batch(dataset):
    """Of the default patch: 64 voxels across the thick volume, 32 across the thin one."""
    folder = dataset.parent / "mixed"
    thick, thin = (70, 70, 66), (90, 80, 15)
    write_pair(folder, "thick", ramp(thick, 2), labelled(thick, 4))
    write_pair(folder, "thin", ramp(thin, 2), labelled(thin, 4))
    (batch,) = loader(folder, patch_size=[64, 64, 64], iterations_per_epoch=1, batch_size=6)
    assert batch["image"].shape == batch["label"].shape == (6, 1, 64, 64, 64)
    stacks = [bool((label[:, :, :, 15:] == -1).all()) for label in batch["label"]]
    assert 0 < sum(stacks) < 6
    for image, label, stack in zip(batch["image"], batch["label"], stacks, strict=True):
        if stack:
            assert (image[..., 15:] == image[..., 14:15]).all()  # the last slice goes on
            assert (label[..., :15] >= 0).any()
        else:
            assert (label[..., 40:] >= 0).float().mean() > 0.7  # a strip of 18 of 70 planes is held out


def test_batches_grow_to_their_largest_patch():
    def patch(*shape):
        return {"image": torch.arange(float(np.prod(shape))).reshape(1, *shape), "label": torch.ones(1, *shape)}

    small, large = patch(2, 3, 1), patch(1, 4, 2)
    batch = pad_collate([small, large])
    assert batch["image"].shape == batch["label"].shape == (2, 1, 2, 4, 2)
    assert (batch["image"][0, :, :2, :3, :1] == small["image"]).all()
    assert (batch["image"][0, :, :, 3] == batch["image"][0, :, :, 2]).all()
    assert (batch["image"][1, :, 1] == large["image"][:, 0]).all()
    assert batch["label"][0].flatten().tolist().count(1) == 6
    assert batch["label"].unique().tolist() == [-1, 1]
    assert (batch["label"][1, 0, 1] == -1).all()
    for name, tensor in pad_collate([small], least=(2, 4, 2)).items():  # as if the other were in the batch
        assert torch.equal(tensor, batch[name][:1])
    same = pad_collate([small, small])
    assert (same["image"][1] == small["image"]).all()
    assert (same["label"] == 1).all()
